// One wait, from its first look at the masks to its outcome: shared by park() and join(). Inlined into its caller, so
// that a resumed waiter has few mispredicted returns to take.
#pragma once

#include "switch/leave.hpp"

#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/stop_request.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

namespace ramie::detail {

// The answer of the last step before the park.
struct before_park {
    bool needed = true;         // false: the thing waited for is there; the wait counts as woken
    task* successor = nullptr;  // started; this lane must switch to it
};

// `last_step(lane*)` is called once it is clear that neither an abort nor the limit ends the wait before it begins; the
// lane is null for a plain thread. What it shows must not lead to a claim before it has returned.
template <class LastStep>
[[gnu::always_inline]] inline wait_end whole_wait(waiter& self, std::uint64_t g, wait_reason why, word_lock* held,
                                                  time_point limit, LastStep last_step)
    RAMIE_RULES_NOT_CHECKED /* there may be no lock */ {
    auto* const here = self.is_fiber() ? static_cast<task&>(self).last_lane : nullptr;
    auto const exceptions = here != nullptr ? here->uncaught_exceptions() : uncaught_exceptions();
    bool const abortable = self.shields == 0 && exceptions == 0;
    deadline_scope const* const scope = self.scopes != nullptr ? self.next_deadline(exceptions, limit) : nullptr;
    bool const abort_now = abortable && self.state.abort_requested();
    bool no_timer = false;
    auto const over_at_once = [&] {
        if (limit <= carrier::now()) return true;
        no_timer = here != nullptr && !carrier::can_arm(*here);
        return no_timer;
    };
    if (abort_now || (limit != never && over_at_once())) [[unlikely]] {
        // Over before it began: closes the wait, unless another party claimed it first; then last_outcome() has that
        // party's outcome.
        (void)self.state.claim(g, abort_now ? task_state::outcome::aborted : task_state::outcome::deadline);
        if (held != nullptr) held->unlock();
    } else {
        if (self.shields != 0 && here != nullptr && self.runs_stop_callbacks()) [[unlikely]] die_of_waiting(self, why.what);
        if (self.foreign_locks != 0) [[unlikely]] waits_with_locks(self, why.what);
        auto const then = last_step(here);
        if (!then.needed) return {task_state::outcome::woken, nullptr};
        self.object.store(why.object, std::memory_order_relaxed);
        self.reason.store(why.what, std::memory_order_relaxed);
        if (here != nullptr) {
            self.since.store(here->clock.load(std::memory_order_relaxed), std::memory_order_relaxed);
            here->park({g, abortable, limit, held}, then.successor);
        } else {
            static_cast<thread_waiter&>(self).park(g, held, limit);
        }
        self.reason.store(nullptr, std::memory_order_relaxed);
    }
    auto how = self.state.last_outcome();
    // An abort wins over a deadline, even if it came later, as long as the waiter has not run.
    if (how == task_state::outcome::deadline && abortable && self.state.abort_requested()) how = task_state::outcome::aborted;
    return {how, scope, no_timer};
}

}  // namespace ramie::detail
