// Tasks that share state without locks, because all of them run on one thread.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {

// The runtime of the running task; the task must be one that stays on its worker.
RAMIE_API scheduler& here_for_local();
RAMIE_API void submit_local(scheduler& here, task& t);

// Also used by join_set::spawn_local. It is a template only because a join_set, on a floor below, must not look at it
// before it is used.
template <class>
class local_request : public spawn_request<&submit_local> {
  public:
    explicit local_request(spawn_terms terms) : spawn_request<&submit_local>(here_for_local(), terms) {}
};

template <class F, class... Args>
auto spawn_local_here(spawn_terms terms, F&& f, Args&&... args) {
    return local_request<F>(terms).call(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace detail

// spawn_local(f, args...), spawn_local(task_options, f, args...): runs it as a task on the caller's worker, where it
// stays. This task and all tasks spawned from it in this way run one at a time on one thread: between two waits their
// shared data cannot change, and needs no lock. The callable is destroyed there too, even if the task is aborted before
// it began. (The result belongs to the handle: it is destroyed where the handle is.) Not a suspension point. Such tasks
// get their turns in order, beside the worker's other tasks; if one of them blocks, no other worker can run the rest.
// Arguments, options and place as with ramie::spawn.
//
// From a pinned task (task_options::pinned, or spawn_local itself) or any task of a current_thread runtime; elsewhere
// throws std::logic_error, and outside a runtime no_runtime.
RAMIE_SPAWN_FORMS(spawn_local, detail::spawn_local_here, )

}  // namespace ramie
