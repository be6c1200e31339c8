// Tasks that share state without locks, because all of them run on one thread.
#pragma once

#include <ramie/spawn.hpp>

namespace ramie {

namespace detail {

// The runtime of the running task, which must stay on its worker.
scheduler& here_for_local();
void submit_local(scheduler& here, task& t);

// What join_set::spawn_local asks for, too; a template only because a join_set, a floor below, must not look at it before
// it is used.
template <class>
class local_request : public spawn_request<&submit_local> {
  public:
    explicit local_request(std::source_location where) : spawn_request<&submit_local>(here_for_local(), where) {}
    explicit local_request(task_options const& options) : spawn_request<&submit_local>(here_for_local(), options) {}
};

}  // namespace detail

// Runs f(args...) as a task on the worker of the caller, where it stays: it and all that is spawned so from there run one at a
// time on one thread, so between two waits nothing they share can change, and it needs no lock. The callable is
// destroyed there too, also if the task is aborted before it began. (The result belongs to the handle: it is destroyed
// wherever that is.) Not a suspension point. Such tasks get their turns in order, beside the worker's other tasks, and
// nobody rescues them from a task that blocks. Arguments and options as with ramie::spawn. (With arguments the place of the
// spawn is known only if options say it.)
//
// From a pinned task (task_options::pinned, or spawn_local itself) or any task of a current_thread runtime; elsewhere
// throws std::logic_error, and outside a runtime no_runtime.
template <detail::not_options F>
auto spawn_local(F&& f, std::source_location where = std::source_location::current()) {
    return detail::local_request<F>(where).call(std::forward<F>(f));
}
template <detail::not_options F, detail::not_location A, class... Args>
auto spawn_local(F&& f, A&& a, Args&&... args) {
    return detail::local_request<F>(std::source_location())
        .call(std::forward<F>(f), std::forward<A>(a), std::forward<Args>(args)...);
}
template <class F, class... Args>
    requires detail::not_options<F>
auto spawn_local(task_options const& options, F&& f, Args&&... args) {
    return detail::local_request<F>(options).call(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace ramie
