// A worker that its task keeps for itself, because the task (block_in_place) or the monitor says so, and how the
// tasks that wait there get to other workers.
#include "scheduler.hpp"
#include "worker/worker.hpp"

namespace ramie::detail {

// The task keeps the thread; all that waits here is where others find it, and so is what the task spawns and wakes. If
// the task parks all the same, the next pick returns to the worker's loop, and the worker is its own again.
bool worker::lend() noexcept {
    if (is_lent()) return false;
    lent_by_.store(current, std::memory_order_seq_cst);  // pairs with is_lent() in scheduler::post_to()
    divert();
    lent = true;
    order_.hurry();
    if (auto* const t = next_.take()) push_ring(*t);
    home.spares.want();
    if (has_own()) home.move_pinned(*this);
    home.wake_one();
    return true;
}

void worker::take_back() noexcept {
    home.spares.release();
    lent = false;
    lent_by_.store(nullptr, std::memory_order_seq_cst);  // before watchdog.wake(): see rest_word.hpp
    comes_back();
}

void worker::comes_back() noexcept {
    posts_for.store(&home, std::memory_order_relaxed);
    home.watchdog.wake();
}

// Under its lock the queue never looks empty to the worker, which may come back meanwhile.
task_chain worker::give_movable(bool pinned_too) noexcept {
    return own_.take_if([=](task const& t) { return !t.pinned || (pinned_too && t.stack == nullptr && !t.local); });
}

task* worker::give_oldest() noexcept {
    auto* const t = ring_.steal();
    return t != nullptr ? t : deque_.steal();
}

}  // namespace ramie::detail
