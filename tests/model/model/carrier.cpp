// A carrier without fibers: in a model all are plain threads.
#include "run.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <cstdlib>
#include <stdexcept>

namespace ramie::detail::carrier {

namespace {
[[noreturn]] void no_fibers() { std::abort(); }

shared_hook& no_hook = *new shared_hook(failure_hook{});
}  // namespace

scheduler& here(char const*) { throw std::logic_error("a model has no fibers"); }
void submit(scheduler&, task&) { no_fibers(); }
void resume(task&) noexcept { no_fibers(); }
void requeue(lane&, task&) noexcept { no_fibers(); }
task* pick(lane&) noexcept { no_fibers(); }
task* claim_unstarted(lane&, task&) noexcept { no_fibers(); }
bool hand_over(lane&, task&) noexcept { no_fibers(); }
task_state::park_result park_until(lane&, task&, std::uint64_t, bool, time_point) noexcept { no_fibers(); }
bool can_arm(lane&) noexcept { no_fibers(); }
void disarm(task&) noexcept { no_fibers(); }
// What is later than this may come at any step of a wait.
time_point now() noexcept {
    auto* const r = model::run::current();
    return r != nullptr ? r->now : time_point{} + std::chrono::hours(1);
}
time_point a_little_later() noexcept { return now() + std::chrono::hours(1); }
std::uint64_t fair_number() noexcept { return 0; }
thread_notes notes() noexcept { no_fibers(); }
void note(thread_notes const&) noexcept { no_fibers(); }
shared_hook& unseen_failure_hook(scheduler&) noexcept { return no_hook; }
bool is_ending(scheduler&) noexcept { return false; }

}  // namespace ramie::detail::carrier
