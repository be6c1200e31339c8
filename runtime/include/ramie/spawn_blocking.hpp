// For calls that block the thread: files, getaddrinfo, long computations.
#pragma once

#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {
void submit_blocking(scheduler& where_to, task& t);
template <class F>
struct blocking_spawn;
}  // namespace detail

// Runs f() on a thread of the runtime's bounded pool and returns its handle. Jobs beyond the limit queue, first come
// first served. A queued job can be aborted; a running one cannot, but sees its std::stop_token if `f` takes one. Not a
// suspension point. Throws no_runtime outside a runtime, std::system_error if no thread can be started at all.
template <class F>
auto spawn_blocking(F&& f, std::source_location where = std::source_location::current()) {
    auto& where_to = detail::carrier::here("spawn_blocking");
    auto* const made = detail::make_task(where, std::forward<F>(f));
    detail::spawned<F> handle(made);
    detail::submit_blocking(where_to, *made);
    return handle;
}

namespace detail {

// What join_set::spawn_blocking calls.
template <class F>
struct blocking_spawn {
    static spawned<F> call(F&& f, std::source_location where) { return ramie::spawn_blocking(std::move(f), where); }
};

}  // namespace detail

}  // namespace ramie
