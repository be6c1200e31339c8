// The one way to wait. Everything that blocks a fiber or a plain thread goes through park().
//
// How a primitive waits:
//     waiter& self = waiter::enter();                  // an abort point, which spends from the budget
//     wait_node node(self);                            // takes the generation
//     lock; if (can go on) ...; queue.push_back(node);
//     wait_end end = park(node, {"mutex", this}, &lock);   // unlocks on the other side of the switch
//     if (end.woken()) ...                             // the thing waited for was handed over
//     lock; queue.remove(node); unlock;                // it was not: take the node back
//     end.raise();                                     // throws aborted or deadline_passed (or bad_alloc: no memory
//                                                      // for a timer); returns for the wait's own limit
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

struct wait_reason {
    char const* what;            // a literal: "mutex", "join", "read"
    void const* object = nullptr;
};

class [[nodiscard]] wait_end {
  public:
    wait_end(task_state::outcome how, deadline_scope const* scope, bool no_timer = false) noexcept
        : how_(how), no_timer_(no_timer), scope_(scope) {}
    bool woken() const noexcept { return how_ == task_state::outcome::woken; }
    // Called after the node was taken back: throws aborted, or deadline_passed for an enclosing timeout. Returns if the
    // wait's own limit passed.
    RAMIE_API void raise() const;

  private:
    task_state::outcome how_;
    bool no_timer_;  // the wait was not begun, because there was no memory for its timer
    deadline_scope const* scope_;
};

// Waits until generation `g` of `self` is claimed, or until `limit`. `held` is unlocked once no waker can miss the
// waiter any more. Suspension point; throws nothing itself.
RAMIE_API wait_end park(waiter& self, std::uint64_t g, wait_reason why, word_lock* held = nullptr,
                        time_point limit = never);

inline wait_end park(wait_node const& node, wait_reason why, word_lock* held = nullptr, time_point limit = never) {
    return park(*node.waiting, node.generation, why, held, limit);
}

// For a waiter that holds foreign locks (waiter::foreign_locks): calls the function below. Under the wait's own lock.
[[gnu::cold]] void waits_with_locks(waiter& self, char const* what) noexcept;
void tell_of_waits_with_locks(void (*whom)(waiter&, char const*) noexcept) noexcept;

}  // namespace ramie::detail
