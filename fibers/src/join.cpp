// Joining, without a lock.
//
//   joiner J                                       finisher of T
//   1. J: T.joiner = J, T.joiner_generation = g    a. state.finish(): sets finished, sees the joiner bit or not
//   2. J: T.state.add_joiner()                     b. saw it: claims (J, g), resumes J if it was parked
//        finished  -> no wait                      c. T.joiner = null
//        registered -> park in wait g
//   3. J was woken by b: T is finished.
//      J was aborted or its time is up: remove_joiner()
//        left               -> T goes on without J
//        finisher_has_slot  -> T finished at the same moment: the result wins, and J stays until c, because the
//                              finisher may still look at J. That is a few instructions of the finisher.
#include <ramie/detail/task.hpp>

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/lane.hpp>
#include <ramie/detail/park.hpp>

#include <sched.h>
#include <stdexcept>

namespace ramie::detail {

bool join(task& t, time_point limit) {
    auto& self = waiter::self();
    self.abort_point();
    if (&self == &t) throw std::logic_error(std::string("ramie: ") + name_of(t).text + " cannot join itself");
    if (t.state.is_finished()) return true;

    auto const g = self.state.generation();
    t.joiner.store(&self, std::memory_order_relaxed);
    t.joiner_generation = g;
    if (t.state.add_joiner() == task_state::joiner_result::finished) return true;

    auto const end = park_for(self, g, t, limit);
    if (end.woken()) return true;
    if (t.state.remove_joiner() == task_state::leave_result::finisher_has_slot) {
        // acquire pairs with the release in task::finish().
        for (int spins = 0; t.joiner.load(std::memory_order_acquire) != nullptr; ++spins) {
            if (spins < 100) cpu_pause();
            else ::sched_yield();
        }
        return true;
    }
    end.raise();
    return false;
}

}  // namespace ramie::detail
