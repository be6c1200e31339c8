#include "timers/timer_heap.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

namespace {

constexpr std::size_t arity = 4;

void ask_for(void const* line) noexcept { __builtin_prefetch(line, 1); }

// The memory that the worker that runs it touches first: its saved registers, the frames above them, its stack's
// descriptor.
void ask_for_rest(task const& t) noexcept {
    if (t.stack == nullptr) return;
    ask_for(t.stack);
    auto const* const saved = static_cast<std::byte const*>(t.context);
    for (std::size_t at = 0; at < 256; at += 64) ask_for(saved + at);
}

}  // namespace

bool timer_heap::make_room() noexcept {
    word_guard const held(lock_);
    try {
        if (with_free_ == nowhere) add_nodes();
        if (items_.size() == items_.capacity()) items_.reserve(std::max<std::size_t>(block_size, 2 * items_.size()));
        has_room_ = true;
    } catch (std::bad_alloc const&) {
    }
    return has_room_;
}

void timer_heap::add_nodes() {
    auto fresh = std::make_unique<timer_entry[]>(block_size);
    auto index = given_back_;
    if (index == nowhere) {
        index = static_cast<std::uint32_t>(blocks_.size());
        places_.resize((index + 1) * std::size_t{block_size}, nowhere);
        blocks_.emplace_back();
    }
    auto& b = blocks_[index];
    given_back_ = std::exchange(b.next, nowhere);
    b.nodes = std::move(fresh);
    for (std::uint32_t i = block_size; i-- > 0;) {
        b.nodes[i].number = index * block_size + i;
        put_back(b.nodes[i]);
    }
}

timer_entry& timer_heap::take_node() noexcept {
    auto& b = blocks_[with_free_];
    auto* const n = b.free;
    b.free = n->next_free;
    if (--b.free_count == 0) with_free_ = std::exchange(b.next, nowhere);
    return *n;
}

void timer_heap::put_back(timer_entry& n) noexcept {
    auto& b = blocks_[n.number / block_size];
    n.next_free = b.free;
    b.free = &n;
    if (b.free_count++ == 0) b.next = std::exchange(with_free_, n.number / block_size);
}

std::size_t timer_heap::capacity() const noexcept {
    auto const n = nodes();
    word_guard const held(lock_);
    return std::max({n, items_.capacity(), places_.capacity()});
}

std::size_t timer_heap::nodes() const noexcept {
    word_guard const held(lock_);
    std::size_t n = 0;
    for (auto const& b : blocks_) n += b.nodes ? block_size : 0;
    return n;
}

std::size_t timer_heap::size() const noexcept {
    word_guard const held(lock_);
    return items_.size();
}

time_point timer_heap::deadline_of(task const* sleeper, std::uint32_t number) const noexcept {
    word_guard const held(lock_);
    if (number / block_size >= blocks_.size() || !blocks_[number / block_size].nodes) return never;
    auto const place = places_[number];
    return place != nowhere && node(number).sleeper == sleeper ? items_[place].when : never;
}

bool timer_heap::trim() noexcept {
    std::vector<std::unique_ptr<timer_entry[]>> gone;  // freed after unlocking
    word_guard const held(lock_);
    auto const needed = std::exchange(peak_, items_.size());
    try {
        gone.reserve(spare_blocks(needed));
        give_back_blocks(needed, gone);
        give_back_items(needed);
    } catch (std::bad_alloc const&) {
        return true;  // try again later
    }
    return spare_blocks(peak_) > 0 || items_.capacity() > 2 * enough_items(peak_);
}

// The number of blocks that are wholly free and not needed.
std::size_t timer_heap::spare_blocks(std::size_t needed) const noexcept {
    std::size_t free = 0, there = 0, used = 0;
    for (auto const& b : blocks_) {
        if (!b.nodes) continue;
        ++there;
        used += block_size - b.free_count;  // also nodes of tasks that were claimed and have not disarmed yet
        if (b.is_free()) ++free;
    }
    auto const enough = std::max(needed, used) / block_size + 1;  // so that one is free
    return std::min(free, there - std::min(there, enough));
}

// The highest blocks are freed first. Then the lists are made anew, the lowest first, so that new deadlines use low
// blocks and the high ones become free.
void timer_heap::give_back_blocks(std::size_t needed, std::vector<std::unique_ptr<timer_entry[]>>& to) noexcept {
    auto spare = spare_blocks(needed);
    for (auto i = blocks_.size(); i-- > 0 && spare > 0;) {
        if (!blocks_[i].is_free()) continue;
        to.push_back(std::move(blocks_[i].nodes));
        blocks_[i] = {};
        --spare;
    }
    while (!blocks_.empty() && !blocks_.back().nodes) blocks_.pop_back();
    with_free_ = given_back_ = nowhere;
    for (auto i = static_cast<std::uint32_t>(blocks_.size()); i-- > 0;) {
        auto& b = blocks_[i];
        if (!b.nodes) b.next = std::exchange(given_back_, i);
        else if (b.free_count > 0) b.next = std::exchange(with_free_, i);
    }
}

std::size_t timer_heap::enough_items(std::size_t needed) noexcept { return std::max<std::size_t>(2 * needed, block_size); }

void timer_heap::give_back_items(std::size_t needed) {
    places_.resize(blocks_.size() * block_size);
    if (places_.capacity() > 4 * std::max<std::size_t>(places_.size(), block_size)) places_.shrink_to_fit();
    if (items_.capacity() <= 2 * enough_items(needed)) return;
    std::vector<item> fewer;
    fewer.reserve(enough_items(needed));
    fewer.assign(items_.begin(), items_.end());
    items_ = std::move(fewer);
}

task_state::park_result timer_heap::arm(task& t, std::uint64_t g, bool abortable, time_point until,
                                        bool& earlier) noexcept {
    word_guard const held(lock_);
    auto& n = take_node();
    n = {this, &t, g, n.number, nullptr};
    t.timer = &n;
    items_.emplace_back();
    peak_ = std::max(peak_, items_.size());
    has_room_ = with_free_ != nowhere && items_.size() < items_.capacity();
    sift_up(items_.size() - 1, {until, n.number});
    earlier = places_[n.number] == 0;
    if (earlier) publish_first();
    return t.state.park(g, abortable);
}

void timer_heap::disarm(task& t) noexcept {
    word_guard const held(lock_);
    auto* const n = t.timer;
    t.timer = nullptr;
    if (auto const place = places_[n->number]; place != nowhere) {
        remove(place);
        if (place == 0) publish_first();
    }
    put_back(*n);
}

task_chain timer_heap::fire(time_point now) noexcept {
    task_chain due;
    std::array<timer_entry*, batch_size> room;
    word_guard const held(lock_);
    for (auto batch = take_due(now, room); !batch.empty(); batch = take_due(now, room)) {
        for (auto const* n : batch) {
            ask_for(n->sleeper);
            ask_for(reinterpret_cast<std::byte const*>(n->sleeper) + 64);
        }
        for (auto* const n : batch) {
            auto& t = *n->sleeper;
            if (t.state.claim(n->generation, task_state::outcome::deadline) != task_state::claim_result::submit_it)
                continue;  // its disarm frees the node
            t.timer = nullptr;
            ask_for_rest(t);
            due.add(t);
            put_back(*n);
        }
    }
    publish_first();
    return due;
}

// Takes due deadlines out of the heap, the earliest first.
std::span<timer_entry*> timer_heap::take_due(time_point now, std::array<timer_entry*, batch_size>& room) noexcept {
    std::size_t taken = 0;
    while (taken < batch_size && !items_.empty() && items_.front().when <= now) {
        auto const number = items_.front().number;
        remove(0);
        places_[number] = nowhere;
        ask_for(&node(number));
        room[taken++] = &node(number);
    }
    return {room.data(), taken};
}

void timer_heap::publish_first() noexcept {
    auto const when = items_.empty() ? never : items_.front().when;
    first_.store(when.time_since_epoch().count(), std::memory_order_seq_cst);
}

void timer_heap::put(std::size_t place, item const& i) noexcept {
    items_[place] = i;
    places_[i.number] = static_cast<std::uint32_t>(place);
}

void timer_heap::sift_up(std::size_t place, item const& i) noexcept {
    while (place > 0) {
        auto const parent = (place - 1) / arity;
        if (items_[parent].when <= i.when) break;
        put(place, items_[parent]);
        place = parent;
    }
    put(place, i);
}

void timer_heap::sift_down(std::size_t place, item const& i) noexcept {
    auto const count = items_.size();
    for (;;) {
        auto const begin = place * arity + 1;
        if (begin >= count) break;
        // The children's children lie together: they are loaded while the children are compared.
        auto const* const next = reinterpret_cast<std::byte const*>(items_.data() + begin * arity + 1);
        for (std::size_t at = 0; at < arity * arity * sizeof(item); at += 64) ask_for(next + at);
        auto least = begin;
        for (auto child = begin + 1; child < count && child < begin + arity; ++child)
            least = items_[child].when < items_[least].when ? child : least;
        if (i.when <= items_[least].when) break;
        put(place, items_[least]);
        place = least;
    }
    put(place, i);
}

void timer_heap::remove(std::size_t place) noexcept {
    auto const last = items_.back();
    items_.pop_back();
    if (place == items_.size()) return;
    if (place > 0 && last.when < items_[(place - 1) / arity].when) sift_up(place, last);
    else sift_down(place, last);
}

}  // namespace ramie::detail
