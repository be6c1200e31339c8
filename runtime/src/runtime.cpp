#include <ramie/runtime.hpp>

#include "carrier.hpp"
#include "scheduler.hpp"

#include <ramie/this_fiber.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <stop_token>

namespace ramie {

detail::scheduler& runtime_handle::open_scheduler() const {
    if (scheduler_->is_closing())
        throw no_runtime("ramie: spawn through the handle of a runtime that is shutting down or gone");
    return *scheduler_;
}

runtime::runtime(runtime_options const& options)
    : scheduler_(std::make_shared<detail::scheduler>(detail::settle(options))) {}

runtime::~runtime() {
    auto const left = shut_down(std::chrono::steady_clock::now() + scheduler_->options.shutdown_timeout);
    if (left.empty()) return;
    std::fprintf(stderr,
                 "ramie: a runtime is destroyed, and %zu of its tasks did not end within shutdown_timeout (%lld ms) after "
                 "they were aborted:\n",
                 left.size(),
                 static_cast<long long>(
                     std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_->options.shutdown_timeout).count()));
    for (auto const& name : left) std::fprintf(stderr, "ramie:   %s\n", name.c_str());
    std::fprintf(stderr, "ramie: a fiber cannot be destroyed by force, so the process ends here\n");
    std::abort();
}

void runtime::refuse_inside_task(char const* verb) const {
    auto const* const here = detail::this_worker();
    if (here != nullptr && &here->home == scheduler_.get())
        throw std::logic_error(std::string("ramie: ") + verb + " inside a task of the same runtime would wait for itself");
}

detail::current_thread_turn::current_thread_turn(scheduler& s) : scheduler_(s) {
    if (scheduler_.options.current_thread) scheduler_.claim_here();
}

detail::current_thread_turn::~current_thread_turn() {
    if (scheduler_.options.current_thread) scheduler_.release_here();
}

void detail::current_thread_turn::wait_for(task& root) {
    try {
        if (scheduler_.options.current_thread) run_within_limits(root);
        else (void)join(root);
    } catch (...) {
        root.abort();
        abort_shield const whole;
        run_until_finished(root);
        throw;
    }
}

void detail::current_thread_turn::run_until_finished(task& root) {
    if (scheduler_.options.current_thread) scheduler_.run_here([&] { return root.state.is_finished(); });
    else (void)join(root);
}

// The caller does not park: it runs the tasks. So its abort only marks it, and the stop_token wakes worker 0 to look.
void detail::current_thread_turn::run_within_limits(task& root) {
    auto& caller = waiter::self();
    caller.abort_point();
    auto limit = never;
    auto const* const scope = caller.next_deadline(uncaught_exceptions(), limit);
    bool const abortable = caller.is_fiber() && !caller.masked();
    auto const is_aborted = [&] { return abortable && caller.state.abort_requested(); };
    {
        std::stop_callback const wake(abortable ? static_cast<task&>(caller).stop_token() : std::stop_token(),
                                      [this] { scheduler_.workers[0].unpark(); });
        scheduler_.run_here([&] { return root.state.is_finished() || is_aborted(); }, limit);
    }
    if (root.state.is_finished()) return;
    if (is_aborted()) throw aborted{};
    throw deadline_passed(scope);
}

std::vector<std::string> runtime::shut_down(std::chrono::steady_clock::time_point until) {
    return scheduler_->shut_down(until);
}

runtime_metrics runtime::metrics() const {
    auto m = scheduler_->metrics();
    m.stacks = detail::stack_statistics();
    return m;
}

}  // namespace ramie
