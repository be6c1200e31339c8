#include <ramie/runtime.hpp>

#include "carrier.hpp"
#include "scheduler.hpp"
#include "start.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <stop_token>
#include <utility>

namespace ramie {

detail::scheduler& runtime_handle::open_scheduler(char const* verb) const {
    if (!detail::home_process::is_here()) throw no_runtime(detail::home_process::why_not_here());
    if (scheduler_->is_closing())
        throw no_runtime(std::string("ramie: ") + verb + " through the handle of a runtime that is shutting down or gone");
    return *scheduler_;
}

runtime_handle runtime_handle::current() {
    return detail::access::make<runtime_handle>(detail::carrier::here("runtime_handle::current").shared_from_this());
}

runtime_metrics runtime_handle::metrics() const {
    auto m = scheduler_->metrics();
    m.stacks = detail::stack_statistics();
    return m;
}

runtime::runtime(runtime_options const& options)
    : scheduler_(detail::start_scheduler(detail::settle(options))) {}

namespace {

// Static runtimes that std::exit would have destroyed within one of their own tasks, or in a child of the process that
// made them.
void leave_as_it_is(std::shared_ptr<detail::scheduler> s) {
    static auto& kept = *new std::vector<std::shared_ptr<detail::scheduler>>;
    kept.push_back(std::move(s));
}

[[noreturn]] void die_inside_own_task() {
    std::fprintf(stderr,
                 "ramie: a runtime is destroyed inside a task or blocking job of its own (%s), for which it would wait; "
                 "destroy it on the thread that made it, after its block_on\n",
                 detail::name_of(detail::waiter::self()).text);
    std::abort();
}

void print_survivors(std::vector<std::string> const& left) {
    constexpr std::size_t most = 100;
    for (std::size_t i = 0; i < std::min(left.size(), most); ++i) std::fprintf(stderr, "ramie:   %s\n", left[i].c_str());
    if (left.size() > most) std::fprintf(stderr, "ramie:   and %zu more\n", left.size() - most);
}

}  // namespace

runtime::~runtime() {
    if (!detail::home_process::is_here()) {
        leave_as_it_is(std::move(scheduler_));
        return;
    }
    if (detail::thread_service::is_inside(*scheduler_)) {
        if (!detail::this_thread_exits()) die_inside_own_task();
        // With std::exit: as a runtime of run() on some other stack, it goes with the process.
        leave_as_it_is(std::move(scheduler_));
        return;
    }
    auto const left = shut_down(std::chrono::steady_clock::now() + scheduler_->options.shutdown_timeout);
    if (left.empty()) return;
    std::fprintf(stderr,
                 "ramie: a runtime is destroyed, and %zu of its tasks did not end within shutdown_timeout (%lld ms) after "
                 "they were aborted:\n",
                 left.size(),
                 static_cast<long long>(
                     std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_->options.shutdown_timeout).count()));
    print_survivors(left);
    std::fprintf(stderr, "ramie: a fiber cannot be destroyed by force, so the process ends here\n");
    std::abort();
}

void runtime::refuse_inside_task(char const* verb) const {
    if (!detail::home_process::is_here()) throw no_runtime(detail::home_process::why_not_here());
    auto const* const here = detail::this_worker();
    if (here != nullptr && &here->home == scheduler_.get()) refuse_inside(verb);
}

void runtime::refuse_inside(char const* verb) {
    throw std::logic_error(std::string("ramie: ") + verb + " inside a task of the same runtime would wait for itself");
}

void runtime::must_be_outside(char const* verb) const {
    if (detail::home_process::is_here() && detail::thread_service::is_inside(*scheduler_)) refuse_inside(verb);
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
    throw detail::access::make<deadline_passed>(scope);
}

std::vector<std::string> runtime::shut_down(std::chrono::steady_clock::time_point until) {
    if (!detail::home_process::is_here()) return {};  // none of its tasks runs in this process
    return scheduler_->shut_down(until);
}

runtime_metrics runtime::metrics() const { return handle().metrics(); }

}  // namespace ramie
