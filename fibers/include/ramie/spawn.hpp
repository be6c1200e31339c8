// spawn: queues a callable as a task and goes on.
#pragma once

#include <ramie/detail/join/spawn_request.hpp>

namespace ramie {

namespace detail {

template <class F, class... Args>
spawned<F, Args...> spawn_here(std::source_location where, F&& f, Args&&... args) {
    return spawn_request<>(carrier::here("spawn"), where).call(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace detail

// Queues f(args...) to run as a task of this runtime and returns at once (not a suspension point). Arguments are copied
// or moved as std::thread does. If `f` takes a std::stop_token first, it gets the task's, which abort requests. From
// fibers, and from threads that belong to a runtime; elsewhere throws no_runtime. In a runtime that is shutting down
// the task is born aborted.
template <class F, class... Args>
    requires detail::not_options<F>
auto spawn(task_options const& options, F&& f, Args&&... args) {
    return detail::spawn_request<>(detail::carrier::here("spawn"), options)
        .call(std::forward<F>(f), std::forward<Args>(args)...);
}

// The same without options. (Return types are deduced, so that a compiler that looks at them before the constraints
// does not ask whether options can be called. One overload per number of arguments, because a default argument, which
// is how the place of the spawn is learnt, cannot follow a pack.)
template <detail::not_options F>
auto spawn(F&& f, std::source_location where = std::source_location::current()) {
    return detail::spawn_here(where, std::forward<F>(f));
}
template <detail::not_options F, detail::not_location A>
auto spawn(F&& f, A&& a, std::source_location where = std::source_location::current()) {
    return detail::spawn_here(where, std::forward<F>(f), std::forward<A>(a));
}
template <detail::not_options F, class A, detail::not_location B>
auto spawn(F&& f, A&& a, B&& b, std::source_location where = std::source_location::current()) {
    return detail::spawn_here(where, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b));
}
template <detail::not_options F, class A, class B, detail::not_location C>
auto spawn(F&& f, A&& a, B&& b, C&& c, std::source_location where = std::source_location::current()) {
    return detail::spawn_here(where, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
}
// With four arguments or more the place is not known.
template <detail::not_options F, class A, class B, class C, detail::not_location D, detail::not_location... More>
auto spawn(F&& f, A&& a, B&& b, C&& c, D&& d, More&&... more) {
    return detail::spawn_here(std::source_location{}, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b),
                              std::forward<C>(c), std::forward<D>(d), std::forward<More>(more)...);
}

}  // namespace ramie
