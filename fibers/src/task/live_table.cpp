#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/task/live_table.hpp>

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/task.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

namespace {

// Only the owner of the share writes.
void count_one(atomic<std::size_t>& n) noexcept {
    // release pairs with the acquire in size().
    n.store(n.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

live_table::share* share_here(live_table const& of) noexcept {
    auto* const here = carrier::this_lane();
    return here != nullptr && here->live.table() == &of ? &here->live : nullptr;
}

}  // namespace

// --- a share ---

void live_table::share::join(live_table& table) {
    table_ = &table;
    word_guard const held(table.pool_lock_);
    table.shares_.push_back(this);
}

live_table::slot* live_table::share::take() {
    if (free_ == nullptr) [[unlikely]] free_ = table_->take_batch(free_count_);
    auto* const s = free_;
    free_ = next_free(*s);
    --free_count_;
    return s;
}

void live_table::share::put(slot& s) noexcept {
    set_free(s, free_);
    free_ = &s;
    if (++free_count_ >= 2 * chunk_size) [[unlikely]] put_batch_back();
}

// Rare code is kept apart, so that the rest is a few instructions in its callers.
[[gnu::noinline]] void live_table::share::put_batch_back() noexcept {
    auto* const first = free_;
    auto* last = first;
    for (std::uint32_t i = 1; i < chunk_size; ++i) last = next_free(*last);
    free_ = next_free(*last);
    free_count_ -= chunk_size;
    table_->put_batch(first, last);
}

void live_table::share::flush() noexcept {
    if (free_ == nullptr) return;
    auto* last = free_;
    while (next_free(*last) != nullptr) last = next_free(*last);
    table_->put_loose(std::exchange(free_, nullptr), last, std::exchange(free_count_, 0));
}

void live_table::share::add(task& t) {
    auto* const s = take();
    t.listed = table_;
    t.slot = s;
    count_one(added_);
    s->word.store(reinterpret_cast<std::uintptr_t>(&t), std::memory_order_release);  // pairs with for_each()
}

void live_table::share::remove(task& t) noexcept {
    put(*t.slot);
    count_one(removed_);
    // If it is open again, the walker is done with the task.
    if (!table_->walks_gate_.pass()) [[unlikely]] table_->wait_for_walk();
}

// --- the table ---

void live_table::add(task& t) {
    if (auto* const mine = share_here(*this)) [[likely]] return mine->add(t);
    word_guard const held(foreign_lock_);
    foreign_.add(t);
}

void live_table::remove(task& t) noexcept {
    if (auto* const mine = share_here(*this)) [[likely]] {
        mine->remove(t);
        return mine->concluded();
    }
    word_guard const held(foreign_lock_);
    foreign_.remove(t);
    foreign_.concluded();
    if (listener_ != nullptr) listener_->something_ended();
}

[[gnu::noinline]] live_table::slot* live_table::take_batch(std::uint32_t& count) {
    word_guard const held(pool_lock_);
    if (loose_ != nullptr) {
        count = std::exchange(loose_count_, 0);
        return std::exchange(loose_, nullptr);
    }
    if (!batches_.empty()) {
        count = chunk_size;
        auto* const first = batches_.back();
        batches_.pop_back();
        least_batches_ = std::min(least_batches_, batches_.size());
        return first;
    }
    if (sorted_ > 0) return take_sorted(count);
    count = chunk_size;
    return add_chunk();
}

// Under pool_lock_. Uses the place of a freed chunk, or a new one.
live_table::slot* live_table::add_chunk() {
    auto fresh = std::make_unique<slot[]>(chunk_size);
    auto* const slots = fresh.get();
    if (gone_ == 0) {
        chunks_.push_back({std::move(fresh)});
    } else {
        std::ranges::find_if(chunks_, [](slot_chunk const& c) { return c.slots == nullptr; })->slots = std::move(fresh);
        --gone_;
    }
    for (std::uint32_t i = 0; i < chunk_size; ++i) set_free(slots[i], i + 1 < chunk_size ? &slots[i + 1] : nullptr);
    return slots;
}

void live_table::put_batch(slot* first, slot* last) noexcept {
    set_free(*last, nullptr);
    {
        word_guard const held(pool_lock_);
        try {
            return batches_.push_back(first);
        } catch (std::bad_alloc const&) {
        }
    }
    put_loose(first, last, chunk_size);
}

void live_table::put_loose(slot* first, slot* last, std::uint32_t count) noexcept {
    word_guard const held(pool_lock_);
    set_free(*last, loose_);
    loose_ = first;
    loose_count_ += count;
}

std::size_t live_table::size() const noexcept {
    word_guard const held(pool_lock_);
    std::size_t added = 0, removed = 0;
    // acquire pairs with the release in count_one(): each removal seen has its addition before it. So the additions
    // themselves are read relaxed.
    for (auto const* s : shares_) removed += s->removed_.load(std::memory_order_acquire);
    for (auto const* s : shares_) added += s->added_.load(std::memory_order_relaxed);
    return added - removed;
}

bool live_table::is_over() const noexcept {
    word_guard const held(pool_lock_);
    std::size_t added = 0, concluded = 0;
    // acquire pairs with the release in concluded(), as in size().
    for (auto const* s : shares_) concluded += s->concluded_.load(std::memory_order_acquire);
    for (auto const* s : shares_) added += s->added_.load(std::memory_order_relaxed);
    return added == concluded;
}

void live_table::listen(end_listener* listener) noexcept {
    word_guard const wait_out(foreign_lock_);
    listener_ = listener;
}

bool live_table::refer_to(std::size_t chunk, batch& out) noexcept {
    word_guard const one_walk(walk_lock_);
    slot* slots = nullptr;
    {
        word_guard const held(pool_lock_);
        if (chunk >= chunks_.size()) return false;
        slots = chunks_[chunk].slots.get();
    }
    if (slots == nullptr) return true;  // it was freed; while walk_lock_ is held, no chunk is freed
    walks_.fetch_add(1, std::memory_order_relaxed);
    walks_gate_.close();
    for (std::uint32_t i = 0; i < chunk_size; ++i) {
        // acquire pairs with the release in share::add().
        auto const word = slots[i].word.load(std::memory_order_acquire);
        if ((word & free_mark) != 0) continue;
        auto& t = *reinterpret_cast<task*>(word);
        t.ref();
        out.all[out.count++] = &t;
    }
    walks_gate_.open();
    return true;
}

// The walk has seen the task, or will not see it.
[[gnu::noinline]] void live_table::wait_for_walk() noexcept {
    walk_lock_.lock();
    walk_lock_.unlock();
}

live_table::batch::~batch() {
    for (std::uint32_t i = 0; i < count; ++i) all[i]->unref();
}

}  // namespace ramie::detail
