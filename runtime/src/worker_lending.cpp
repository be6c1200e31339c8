// A worker that its task keeps for itself (block_in_place).
#include "scheduler.hpp"
#include "worker.hpp"

namespace ramie::detail {

// The task keeps the thread; all that waits here is where others find it, and so is what the task spawns and wakes. If
// the task parks all the same, the next pick goes home and the worker is its own again.
bool worker::lend() noexcept {
    if (is_lent()) return false;
    deque_.share();
    ring_.share();
    home.idle.no_longer_alone();
    lent_by_.store(current, std::memory_order_seq_cst);  // pairs with is_lent() in scheduler::migrate()
    posts_for = nullptr;
    lent = true;
    last_look_ = picks_.read() - ticks_between_looks;
    attend_at_ = 0;
    if (auto* const t = next_.take()) push_ring(*t);
    if (home.migrates_by_force()) evict_guests();
    home.spares.want();
    home.wake_one(false);
    return true;
}

void worker::take_back() noexcept {
    home.spares.release();
    posts_for = &home;
    lent = false;
    lent_by_.store(nullptr, std::memory_order_relaxed);
}

// Either who posts here sees lent_by_ and calls this again, or its push came before our lock.
void worker::evict_guests() noexcept {
    task_chain stay, leave;
    auto all = own_.pop(own_.size());
    while (auto* const t = all.take()) (t->pinned ? stay : leave).add(*t);
    if (stay.count > 0) own_.push(stay);
    if (leave.count > 0) home.injected.push(leave);
    home.wake_one(false);
}

}  // namespace ramie::detail
