#include <ramie/detail/live_table.hpp>

#include <ramie/detail/asymmetric_fence.hpp>
#include <ramie/detail/carrier.hpp>
#include <ramie/detail/futex.hpp>
#include <ramie/detail/lane.hpp>
#include <ramie/detail/task.hpp>

#include <mutex>
#include <utility>

namespace ramie::detail {

namespace {

// Only the owner of the share writes.
void count_one(std::atomic<std::size_t>& n) noexcept {
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
    std::lock_guard const held(table.pool_lock_);
    table.shares_.push_back(this);
}

live_table::slot* live_table::share::take() noexcept {
    if (free_ == nullptr) [[unlikely]] free_ = table_->take_batch(free_count_);
    auto* const s = free_;
    free_ = next_free(*s);
    --free_count_;
    return s;
}

void live_table::share::put(slot& s) noexcept {
    set_free(s, free_);
    free_ = &s;
    if (++free_count_ < 2 * chunk_size) [[likely]] return;
    auto* const first = free_;
    auto* last = first;
    for (std::uint32_t i = 1; i < chunk_size; ++i) last = next_free(*last);
    free_ = next_free(*last);
    free_count_ -= chunk_size;
    table_->put_batch(first, last);
}

void live_table::share::add(task& t) noexcept {
    auto* const s = take();
    t.listed = table_;
    t.slot = s;
    count_one(added_);
    s->word.store(reinterpret_cast<std::uintptr_t>(&t), std::memory_order_release);  // pairs with for_each()
}

void live_table::share::remove(task& t) noexcept {
    put(*t.slot);
    count_one(removed_);
    light_fence();  // pairs with the heavy ones in begin_walk() and watch()
    // acquire pairs with the release in end_walk(): what the walker did with the task is done.
    if (table_->attention_.load(std::memory_order_acquire) != 0) [[unlikely]] table_->attend();
}

// --- the table ---

void live_table::add(task& t) noexcept {
    if (auto* const mine = share_here(*this)) [[likely]] return mine->add(t);
    std::lock_guard const held(foreign_lock_);
    foreign_.add(t);
}

void live_table::remove(task& t) noexcept {
    if (auto* const mine = share_here(*this)) [[likely]] return mine->remove(t);
    std::lock_guard const held(foreign_lock_);
    foreign_.remove(t);
}

live_table::slot* live_table::take_batch(std::uint32_t& count) {
    std::lock_guard const held(pool_lock_);
    if (pool_ == nullptr) {
        chunks_.push_back(std::make_unique<slot[]>(chunk_size));
        auto* const fresh = chunks_.back().get();
        for (std::uint32_t i = 0; i < chunk_size; ++i) set_free(fresh[i], i + 1 < chunk_size ? &fresh[i + 1] : nullptr);
        count = chunk_size;
        return fresh;
    }
    count = std::exchange(pool_count_, 0);
    return std::exchange(pool_, nullptr);
}

void live_table::put_batch(slot* first, slot* last) noexcept {
    std::lock_guard const held(pool_lock_);
    set_free(*last, pool_);
    pool_ = first;
    pool_count_ += chunk_size;
}

std::size_t live_table::size() const noexcept {
    std::lock_guard const held(pool_lock_);
    std::size_t added = 0, removed = 0;
    // acquire pairs with the release in count_one(): each removal seen has its addition before it.
    for (auto const* s : shares_) removed += s->removed_.load(std::memory_order_acquire);
    for (auto const* s : shares_) added += s->added_.load(std::memory_order_acquire);
    return added - removed;
}

void live_table::watch(std::atomic<std::uint32_t>* ended) noexcept {
    if (ended != nullptr) {
        ended_.store(ended, std::memory_order_relaxed);
        attention_.fetch_or(watched, std::memory_order_seq_cst);
        heavy_fence();  // pairs with the light one in remove()
    } else {
        attention_.fetch_and(~std::uint32_t{watched}, std::memory_order_seq_cst);
        std::lock_guard const wait_out(foreign_lock_);
    }
}

void live_table::begin_walk() noexcept {
    attention_.fetch_or(walking, std::memory_order_seq_cst);
    heavy_fence();  // pairs with the light one in remove()
}

void live_table::end_walk() noexcept {
    attention_.fetch_and(~std::uint32_t{walking}, std::memory_order_release);  // pairs with remove()
}

std::vector<live_table::slot*> live_table::chunks_of_now() {
    std::lock_guard const held(pool_lock_);
    std::vector<slot*> all;
    for (auto const& c : chunks_) all.push_back(c.get());
    return all;
}

void live_table::attend() noexcept {
    auto const why = attention_.load(std::memory_order_acquire);  // pairs with end_walk() and watch()
    if ((why & walking) != 0) {
        walk_lock_.lock();
        walk_lock_.unlock();
    }
    if ((why & watched) != 0) {
        auto& ended = *ended_.load(std::memory_order_relaxed);
        ended.fetch_add(1, std::memory_order_release);  // pairs with the acquire of the thread that shuts down
        futex_wake(ended);
    }
}

}  // namespace ramie::detail
