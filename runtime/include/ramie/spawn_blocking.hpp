// For calls that block the thread: files, getaddrinfo, long computations.
#pragma once

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {

RAMIE_API void submit_blocking(scheduler& where_to, task& t, blocking_share share);
template <blocking_share Share>
void submit_to_share(scheduler& where_to, task& t) {
    submit_blocking(where_to, t, Share);
}
// std::invalid_argument: the options ask for a stack.
RAMIE_API spawn_terms without_stack(spawn_terms terms);

// Also used by join_set::spawn_blocking. It is a template only because a join_set, on a floor below, must not look at
// it before it is used.
template <class>
class blocking_request : public spawn_request<&submit_to_share<blocking_share::jobs>> {
  public:
    explicit blocking_request(spawn_terms terms) : blocking_request(carrier::here("spawn_blocking"), terms) {}
    blocking_request(scheduler& to, spawn_terms terms)
        : spawn_request<&submit_to_share<blocking_share::jobs>>(to, without_stack(terms)) {}
};

template <class F, class... Args>
auto spawn_blocking_here(spawn_terms terms, F&& f, Args&&... args) {
    return blocking_request<F>(terms).call(std::forward<F>(f), std::forward<Args>(args)...);
}

// spawn_blocking() for the library's own work.
template <blocking_share Share, class F>
auto spawn_blocking_in(F&& f, std::source_location where = std::source_location::current()) {
    return spawn_request<&submit_to_share<Share>>(carrier::here("spawn_blocking"), where).call(std::forward<F>(f));
}

}  // namespace detail

// spawn_blocking(f, args...), spawn_blocking(task_options, f, args...): runs f(args...) on a thread of the runtime's
// bounded pool and returns its join_handle. Jobs beyond the limit (max_blocking_threads) queue, first come first
// served; the runtime's own work (files, look-ups, TLS) has other threads. A queued job can be aborted; a running one
// cannot, but sees its std::stop_token if that is the first parameter of `f`. Arguments and place as with ramie::spawn.
// A stack_size among the options is refused (std::invalid_argument), because a job has its thread's stack. Not a
// suspension point. Throws no_runtime outside a runtime, std::system_error if no thread can be started at all.
RAMIE_SPAWN_FORMS(spawn_blocking, detail::spawn_blocking_here, )

}  // namespace ramie
