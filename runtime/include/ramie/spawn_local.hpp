// Tasks that share state without locks, because all of them run on one thread.
#pragma once

#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {
// The runtime of the running task, which must stay on its worker.
scheduler& here_for_local();
void submit_local(scheduler& here, task& t);
template <class F>
struct local_spawn;
}  // namespace detail

// Runs f() as a task on the worker of the caller, where it stays: it and all that is spawned so from there run one at a
// time on one thread, so between two waits nothing they share can change, and it needs no lock. The callable is
// destroyed there too, also if the task is aborted before it began. (The result belongs to the handle: it is destroyed
// wherever that is.) Not a suspension point. Such tasks get their turns in order, beside the worker's other tasks, and
// nobody rescues them from a task that blocks.
//
// From a pinned task (task_options::pinned, or spawn_local itself) or any task of a current_thread runtime; elsewhere
// throws std::logic_error, and outside a runtime no_runtime.
template <class F>
auto spawn_local(F&& f, std::source_location where = std::source_location::current()) {
    return detail::local_spawn<F>::call(detail::no_end_note(), std::forward<F>(f), where);
}

namespace detail {

// What join_set::spawn_local calls, too.
template <class F>
struct local_spawn {
    template <end_note Note>
    static spawned<F> call(Note note, F&& f, std::source_location where) {
        auto& here = here_for_local();
        auto* const made = make_noted_task(where, std::move(note), std::forward<F>(f));
        spawned<F> handle(made);
        submit_local(here, *made);
        return handle;
    }
};

}  // namespace detail

}  // namespace ramie
