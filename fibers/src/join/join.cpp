// Joining, without a lock.
//
//   joiner J                                       finisher of T
//   1. J: T.joiner = J, T.joiner_generation = g    a. state.finish(): sets finished, sees the joiner bit or not
//   2. J: T.state.add_joiner(), or, if T has       b. saw it: claims (J, g)
//      not started, start() with the same
//        finished  -> no wait                           won:  resumes J if it was parked. J may free T from here on
//        registered -> park in wait g                   lost: T.joiner = null, its last touch of T
//   3. J was woken by b: T is finished.
//      J was aborted or its time is up: remove_joiner()
//        left               -> T goes on without J
//        finisher_has_slot  -> T finished at the same moment: the result wins, and J stays until the slot is null, because
//                              the finisher may still look at J. That is a few instructions of the finisher.
//
// There is one slot, as there is one handle: a joiner that finds another one registered before 1 is refused. (Two that
// come to 1 at the same instant break the handle's rule, one thread or fiber at a time; one of them is refused, but the
// other may have lost its slot.)
//
// A select does 1 and 2 for each handle it waits for, and always 3. So for a select the finisher also clears the slot
// if it won; before that it writes beside the slot whether it won.
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/task/task.hpp>
#include <ramie/error.hpp>

#include "switch/whole_wait.hpp"

#include <stdexcept>

namespace ramie::detail {

namespace {

// acquire pairs with the release in task::finish().
void wait_for_finisher(task& t) noexcept {
    spin_wait patience;
    while (t.joiner.load(std::memory_order_acquire) != nullptr) patience.once();
}

[[noreturn, gnu::cold]] void refuse_itself(task& t) {
    throw std::logic_error(std::string("ramie: ") + name_of(t).text + " cannot join itself");
}

[[noreturn, gnu::cold]] void refuse_second(task& t) {
    throw std::logic_error(std::string("ramie: ") + name_of(t).text +
                           " is being joined already; a handle is for one thread or fiber at a time");
}

// Step 1.
void write_slot(task& t, waiter& self, std::uint64_t g, bool selects) {
    if (t.state.has_joiner()) [[unlikely]] refuse_second(t);
    t.joiner.store(&self, std::memory_order_relaxed);
    t.joiner_generation = g;
    t.joiner_selects = selects;
}

// Step 2. True: registered. False: finished.
bool add_joiner(task& t) {
    auto const result = t.state.add_joiner();
    if (result == task_state::joiner_result::occupied) [[unlikely]] refuse_second(t);
    return result == task_state::joiner_result::registered;
}

}  // namespace

bool show_joiner(task& t, waiter& self, std::uint64_t g) {
    if (&self == &t) refuse_itself(t);
    if (t.state.is_finished()) return false;
    write_slot(t, self, g, true);
    return add_joiner(t);
}

bool take_back_joiner(task& t) noexcept {
    if (t.state.remove_joiner() == task_state::leave_result::left) return false;
    wait_for_finisher(t);
    return t.joiner_served;
}

bool join(task& t, time_point limit) {
    auto& self = waiter::enter();
    if (&self == &t) [[unlikely]] refuse_itself(t);
    if (t.state.is_finished()) return true;
    if (!home_process::is_here() && limit == never) [[unlikely]] throw no_runtime(home_process::why_not_here());
    auto const g = self.state.generation();
    write_slot(t, self, g, false);

    bool shown = false;
    auto const end = whole_wait(self, g, {"join", &t}, nullptr, limit, [&](lane* here) -> before_park {
        shown = true;
        if (here != nullptr) {
            if (auto* const child = carrier::claim_unstarted(*here, t)) return {.successor = child};
        }
        return {.needed = add_joiner(t)};
    });
    if (end.woken()) return true;
    if (shown && t.state.remove_joiner() == task_state::leave_result::finisher_has_slot) {
        wait_for_finisher(t);
        return true;
    }
    end.raise();
    return false;
}

}  // namespace ramie::detail
