// For calls that block the thread: files, getaddrinfo, long computations.
#pragma once

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {

void submit_blocking(scheduler& where_to, task& t, blocking_share share);
template <blocking_share Share>
void submit_to_share(scheduler& where_to, task& t) {
    submit_blocking(where_to, t, Share);
}
// std::invalid_argument: they ask for a stack.
task_options const& without_stack(task_options const& options);

// What join_set::spawn_blocking asks for, too; a template only because a join_set, a floor below, must not look at it
// before it is used.
template <class>
class blocking_request : public spawn_request<&submit_to_share<blocking_share::jobs>> {
  public:
    explicit blocking_request(std::source_location where)
        : spawn_request<&submit_to_share<blocking_share::jobs>>(carrier::here("spawn_blocking"), where) {}
    explicit blocking_request(task_options const& options)
        : spawn_request<&submit_to_share<blocking_share::jobs>>(carrier::here("spawn_blocking"),
                                                                without_stack(options)) {}
};

// spawn_blocking() for the library's own work.
template <blocking_share Share, class F>
auto spawn_blocking_in(F&& f, std::source_location where = std::source_location::current()) {
    return spawn_request<&submit_to_share<Share>>(carrier::here("spawn_blocking"), where).call(std::forward<F>(f));
}

}  // namespace detail

// Runs f(args...) on a thread of the runtime's bounded pool and returns its handle. Jobs beyond the limit
// (max_blocking_threads) queue, first come first served; the runtime's own work (files, look-ups, TLS) has other
// threads. A queued job can be aborted; a running one cannot, but sees its std::stop_token if `f` takes one first.
// Arguments are kept as ramie::spawn does; of options, a stack_size is refused (std::invalid_argument), for a job has
// its thread's stack. (With arguments the place of the spawn is known only if options say it.) Not a suspension point.
// Throws no_runtime outside a runtime, std::system_error if no thread can be started at all.
template <detail::not_options F>
auto spawn_blocking(F&& f, std::source_location where = std::source_location::current()) {
    return detail::blocking_request<F>(where).call(std::forward<F>(f));
}
template <detail::not_options F, detail::not_location A, class... Args>
auto spawn_blocking(F&& f, A&& a, Args&&... args) {
    return detail::blocking_request<F>(std::source_location())
        .call(std::forward<F>(f), std::forward<A>(a), std::forward<Args>(args)...);
}
template <class F, class... Args>
    requires detail::not_options<F>
auto spawn_blocking(task_options const& options, F&& f, Args&&... args) {
    return detail::blocking_request<F>(options).call(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace ramie
