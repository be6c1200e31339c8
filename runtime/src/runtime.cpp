#include <ramie/runtime.hpp>

#include "carrier.hpp"
#include "scheduler.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

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

void detail::current_thread_turn::run_until_finished(abort_handle const& root) {
    if (scheduler_.options.current_thread) scheduler_.run_here([&] { return root.is_finished(); });
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
