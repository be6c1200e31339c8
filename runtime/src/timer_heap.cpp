#include "timer_heap.hpp"

#include <mutex>

namespace ramie::detail {

namespace {
constexpr std::size_t arity = 4;
constexpr std::size_t block_size = 256;
}  // namespace

timer_entry* timer_heap::take_node() {
    if (free_ == nullptr) {
        blocks_.push_back(std::make_unique<timer_entry[]>(block_size));
        for (std::size_t i = block_size; i-- > 0;) {
            blocks_.back()[i].next_free = free_;
            free_ = &blocks_.back()[i];
        }
    }
    auto* const node = free_;
    free_ = node->next_free;
    return node;
}

task_state::park_result timer_heap::arm(task& t, std::uint64_t g, bool abortable, time_point until,
                                        bool& earlier) noexcept {
    std::lock_guard held(lock_);
    auto* const node = take_node();  // out of memory for a 40-byte node ends the process: noexcept
    *node = {this, &t, g, 0, nullptr};
    t.timer = node;
    items_.emplace_back();
    sift_up(items_.size() - 1, {until, node});
    earlier = node->place == 0;
    if (earlier) publish_first();
    return t.state.park(g, abortable);
}

void timer_heap::disarm(task& t) noexcept {
    std::lock_guard held(lock_);
    auto* const node = t.timer;
    t.timer = nullptr;
    if (node->place != timer_entry::nowhere) {
        bool const was_first = node->place == 0;
        remove(node->place);
        if (was_first) publish_first();
    }
    node->next_free = free_;
    free_ = node;
}

task_chain timer_heap::fire(time_point now) noexcept {
    task_chain due;
    std::lock_guard held(lock_);
    while (!items_.empty() && items_.front().when <= now) {
        auto* const node = items_.front().entry;
        remove(0);
        node->place = timer_entry::nowhere;
        if (node->who->state.claim(node->generation, task_state::outcome::deadline) !=
            task_state::claim_result::submit_it)
            continue;  // its disarm frees the node
        node->who->timer = nullptr;
        due.add(*node->who);
        node->next_free = free_;
        free_ = node;
    }
    publish_first();
    return due;
}

void timer_heap::publish_first() noexcept {
    auto const when = items_.empty() ? never : items_.front().when;
    first_.store(when.time_since_epoch().count(), std::memory_order_seq_cst);
}

void timer_heap::put(std::size_t place, item const& i) noexcept {
    items_[place] = i;
    i.entry->place = static_cast<std::uint32_t>(place);
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
        auto least = begin;
        for (auto child = begin + 1; child < count && child < begin + arity; ++child)
            if (items_[child].when < items_[least].when) least = child;
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
