// The seam: what a task asks of whoever carries it. fibers/ declares it; runtime/ defines it over workers, and
// tests/support/one_thread_carrier over one thread and virtual time. A link-time seam: plain functions, each a whole
// operation, so that a verb costs one crossing and one thread-local read.
#pragma once

#include <ramie/detail/ground/this_lane.hpp>
#include <ramie/detail/task/task.hpp>

namespace ramie::detail {

class lane;

namespace carrier {

// Whoever carries lanes says so by bind_lane().
using detail::this_lane;

// The runtime that a spawn from here belongs to; throws no_runtime.
scheduler& here(char const* verb);

// Takes a new task, which it now owns: gives it an id, lists it and queues it. `where_to` as from here(). Never a
// suspension point. std::bad_alloc: the task was cancelled.
void submit(scheduler& where_to, task&);

// Makes a claimed task runnable. From any thread.
void resume(task&) noexcept;

// A yielding task, after its registers are saved: to the tail of the lane's ring.
void requeue(lane&, task&) noexcept;

// The fast pick, on whatever stack: a task for this lane that is ready to run (it has a stack, or it was started and
// needs one), or null: nothing at hand, or lane.go_home says that the lane's own loop has something to do.
task* pick(lane&) noexcept;

// If `child` is unstarted and may run here: starts it, for its joiner, whose slot is written, to switch to; with that the
// joiner is registered. Null otherwise.
task* claim_unstarted(lane&, task& child) noexcept;

// A claimed task, by one that ends on this lane: true if it is next here, for the caller to switch to; false: resume it.
bool hand_over(lane&, task&) noexcept;

// Publishes `t` as parked in wait `g` with a deadline armed, as one step: the deadline can neither be missed nor fire
// for a task that is not parked.
task_state::park_result park_until(lane&, task& t, std::uint64_t g, bool abortable, time_point until) noexcept;

// Whether this lane has memory for one more deadline: asked by the fiber that is about to park with one.
bool can_arm(lane&) noexcept;

// The wait of `t` is over: its timer, if still armed, is gone when this returns.
void disarm(task& t) noexcept;

// steady time; virtual on the one-thread carrier.
time_point now() noexcept;
// No earlier than now() and a few milliseconds later, for a quarter of the price. Virtual likewise.
time_point a_little_later() noexcept;

// The hook of a runtime for failures that nobody sees.
shared_hook& unseen_failure_hook(scheduler&) noexcept;

}  // namespace carrier
}  // namespace ramie::detail
