#include "timer_heap.hpp"

#include <algorithm>
#include <mutex>
#include <new>

namespace ramie::detail {

namespace {

constexpr std::size_t arity = 4;

void ask_for(void const* line) noexcept { __builtin_prefetch(line, 1); }

// What the worker that runs it touches first: its saved registers, the frames above them, its stack's descriptor.
void ask_for_rest(task const& t) noexcept {
    if (t.stack == nullptr) return;
    ask_for(t.stack);
    auto const* const saved = static_cast<std::byte const*>(t.context);
    for (std::size_t at = 0; at < 256; at += 64) ask_for(saved + at);
}

}  // namespace

bool timer_heap::make_room() noexcept {
    std::lock_guard held(lock_);
    try {
        if (free_ == nullptr) add_nodes();
        if (items_.size() == items_.capacity()) items_.reserve(std::max<std::size_t>(block_size, 2 * items_.size()));
        has_room_ = true;
    } catch (std::bad_alloc const&) {
    }
    return has_room_;
}

void timer_heap::add_nodes() {
    auto const first = static_cast<std::uint32_t>(places_.size());
    auto fresh = std::make_unique<timer_entry[]>(block_size);
    blocks_.reserve(blocks_.size() + 1);
    places_.resize(first + block_size, nowhere);
    for (std::uint32_t i = block_size; i-- > 0;) {
        fresh[i].number = first + i;
        put_back(fresh[i]);
    }
    blocks_.push_back(std::move(fresh));
}

timer_entry& timer_heap::take_node() noexcept {
    auto* const n = free_;
    free_ = n->next_free;
    return *n;
}

void timer_heap::put_back(timer_entry& n) noexcept {
    n.next_free = free_;
    free_ = &n;
}

task_state::park_result timer_heap::arm(task& t, std::uint64_t g, bool abortable, time_point until,
                                        bool& earlier) noexcept {
    std::lock_guard held(lock_);
    auto& n = take_node();
    n = {this, &t, g, n.number, nullptr};
    t.timer = &n;
    items_.emplace_back();
    has_room_ = free_ != nullptr && items_.size() < items_.capacity();
    sift_up(items_.size() - 1, {until, n.number});
    earlier = places_[n.number] == 0;
    if (earlier) publish_first();
    return t.state.park(g, abortable);
}

void timer_heap::disarm(task& t) noexcept {
    std::lock_guard held(lock_);
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
    std::lock_guard held(lock_);
    for (auto batch = take_due(now, room); !batch.empty(); batch = take_due(now, room)) {
        for (auto const* n : batch) {
            ask_for(n->who);
            ask_for(reinterpret_cast<std::byte const*>(n->who) + 64);
        }
        for (auto* const n : batch) {
            auto& t = *n->who;
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

// Out of the heap, the earliest first.
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
        // The children's children lie together: they come while the children are compared.
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
