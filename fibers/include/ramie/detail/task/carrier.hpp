// The seam: what a task asks of its carrier. fibers/ declares it; runtime/ defines it over workers, and
// tests/support/one_thread_carrier over one thread and virtual time. A link-time seam: plain functions, each a whole
// operation, so that a verb costs one crossing and one thread-local read.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/this_lane.hpp>
#include <ramie/detail/task/task.hpp>

namespace ramie::detail {

class lane;

namespace carrier {

// A carrier announces the lane of a thread by bind_lane().
using detail::this_lane;

// The runtime that a spawn from here belongs to; throws no_runtime.
RAMIE_API scheduler& here(char const* verb);

// Takes over a new task: gives it an id, lists it and queues it. `where_to`: from here(). Never a suspension point.
// std::bad_alloc: the task was cancelled.
RAMIE_API void submit(scheduler& where_to, task&);

// Makes a claimed task runnable. From any thread.
void resume(task&) noexcept;

// Puts a yielding task at the tail of the lane's ring, after its registers are saved.
void requeue(lane&, task&) noexcept;

// The fast pick, on any stack: a task for this lane that is ready to run (it has a stack, or it was started and needs
// one); or null: there is none at hand, or lane.back_to_loop says that the lane's own loop has something to do.
task* pick(lane&) noexcept;

// If `child` is unstarted and may run here: starts it, so that its joiner, with its slot written, can switch to it;
// this also registers the joiner. Null otherwise.
task* claim_unstarted(lane&, task& child) noexcept;

// For a claimed task, called by a task that ends on this lane. True: the claimed task is next here, and the caller must
// switch to it; false: resume it.
bool hand_over(lane&, task&) noexcept;

// Publishes `t` as parked in wait `g` with a deadline armed, as one step: the deadline can neither be missed nor fire
// for a task that is not parked.
task_state::park_result park_until(lane&, task& t, std::uint64_t g, bool abortable, time_point until) noexcept;

// Whether this lane has memory for one more deadline: asked by the fiber that is about to park with one.
bool can_arm(lane&) noexcept;

// The wait of `t` is over: its timer, if still armed, is gone when this returns.
void disarm(task& t) noexcept;

// steady time; virtual on the one-thread carrier.
RAMIE_API time_point now() noexcept;
// No earlier than now() and a few milliseconds later, for a quarter of the price. Virtual likewise.
RAMIE_API time_point a_little_later() noexcept;

// A number for choices that need only be fair, another one each time. From any thread.
std::uint64_t fair_number() noexcept;

// The runtime's hook for failures that no handle receives.
shared_hook& unseen_failure_hook(scheduler&) noexcept;
// What the calling thread notes of the runtime that it serves, for a fiber with a thread state of its own: it must find
// the same there. Twice: what the thread has; and for the fiber's state, once that is on.
struct thread_notes {
    void const* of[2];
};
thread_notes notes() noexcept;
void note(thread_notes const&) noexcept;
// All tasks of that runtime are being aborted, or will be in a moment.
bool is_ending(scheduler&) noexcept;

}  // namespace carrier
}  // namespace ramie::detail
