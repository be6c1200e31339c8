#include "sleep/idle.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include "worker/worker.hpp"

#include <algorithm>

namespace ramie::detail {

idle_set::idle_set(unsigned workers, unsigned most)
    : most_searching_(std::max(1u, workers / 2)) {
    listed_.reserve(most);
}

worker* idle_set::wake_for_work() noexcept {
    if (all_awake_.pass()) [[likely]] return nullptr;
    thread_fence(std::memory_order_seq_cst);  // post fence; pairs with the sleep fence
    auto const seen = counts_.load(std::memory_order_relaxed);
    if (seen >= one_searching || (seen & sleeping_mask) == 0) return nullptr;
    return take();
}

worker* idle_set::wake_in_any_case() noexcept { return sleeping() > 0 ? take() : nullptr; }

worker* idle_set::take() noexcept {
    word_guard const held(lock_);
    if (listed_.empty()) return nullptr;
    // Rather a futex sleeper: the worker in the driver is of use there.
    auto chosen = std::find_if(listed_.rbegin(), listed_.rend(), [](worker* w) { return !w->sleeps_in_driver(); });
    if (chosen == listed_.rend()) chosen = listed_.rbegin();
    auto* const w = *chosen;
    listed_.erase(std::next(chosen).base());
    counts_.fetch_add(one_searching - one_sleeping, std::memory_order_relaxed);
    return w;
}

bool idle_set::start_search() noexcept {
    auto seen = counts_.load(std::memory_order_relaxed);
    do {
        if ((seen >> 32) >= most_searching_) return false;
    } while (!counts_.compare_exchange_weak(seen, seen + one_searching, std::memory_order_relaxed));
    return true;
}

bool idle_set::stop_search() noexcept {
    return (counts_.fetch_sub(one_searching, std::memory_order_relaxed) >> 32) == 1;
}

void idle_set::list(worker& w, bool was_searching, time_point now) noexcept {
    {
        word_guard const held(lock_);
        listed_.push_back(&w);
        listed_at_ = now;
        counts_.fetch_add(was_searching ? one_sleeping - one_searching : one_sleeping, std::memory_order_relaxed);
        if (!all_awake_.is_closed()) all_awake_.close();  // pairs with pass() in wake_for_work()
    }
    thread_fence(std::memory_order_seq_cst);  // sleep fence; pairs with the post fence
}

void idle_set::open_gate(time_point now) noexcept {
    word_guard const held(lock_);
    if (listed_.empty() && now - listed_at_ > long_awake && all_awake_.is_closed()) all_awake_.open();
}

bool idle_set::unlist(worker& w) noexcept {
    word_guard const held(lock_);
    auto const place = std::find(listed_.begin(), listed_.end(), &w);
    if (place == listed_.end()) return false;
    listed_.erase(place);
    counts_.fetch_sub(one_sleeping, std::memory_order_relaxed);
    return true;
}

}  // namespace ramie::detail
