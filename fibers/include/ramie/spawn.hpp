// spawn: queues a callable as a task and goes on.
#pragma once

#include <ramie/detail/join/spawn_request.hpp>

namespace ramie {

namespace detail {

template <class F, class... Args>
spawned<F, Args...> spawn_here(spawn_terms terms, F&& f, Args&&... args) {
    return spawn_request<>(carrier::here("spawn"), terms).call(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace detail

// spawn(f, args...), spawn(task_options, f, args...): queues f(args...) to run as a task of this runtime and returns
// its join_handle at once (not a suspension point). Arguments are copied or moved as std::thread does. If the first
// parameter of `f` is a std::stop_token, it gets the task's token, which abort requests. From fibers, and from threads
// that belong to a runtime; elsewhere throws no_runtime. In a runtime that is shutting down the task is born aborted.
// (The task knows the place of the call; with more than eight arguments, only if options give it.)
RAMIE_SPAWN_FORMS(spawn, detail::spawn_here, )

}  // namespace ramie
