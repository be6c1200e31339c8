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
    return detail::blocking_spawn<F>::call(detail::no_end_note(), std::forward<F>(f), where);
}

namespace detail {

// What join_set::spawn_blocking calls, too.
template <class F>
struct blocking_spawn {
    template <end_note Note>
    static spawned<F> call(Note note, F&& f, std::source_location where) {
        auto& where_to = carrier::here("spawn_blocking");
        auto* const made = make_noted_task(where, std::move(note), std::forward<F>(f));
        spawned<F> handle(made);
        submit_blocking(where_to, *made);
        return handle;
    }
};

}  // namespace detail

}  // namespace ramie
