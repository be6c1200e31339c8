// spawn: queues a callable as a task and goes on.
#pragma once

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/local_value.hpp>
#include <ramie/detail/stack.hpp>
#include <ramie/detail/task_frame.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/task_options.hpp>

#include <concepts>

namespace ramie {

namespace detail {

template <class F, class... Args>
using bound = bound_call<std::decay_t<F>, std::decay_t<Args>...>;
template <class F, class... Args>
using spawned = join_handle<typename bound<F, Args...>::value_type>;

// Whether a task can keep a callable or an argument given like this.
template <class T>
inline constexpr bool can_be_kept = std::is_constructible_v<std::decay_t<T>, T>;

// The reason in one line: what comes after a false one is not compiled.
template <class F>
consteval bool callable_can_be_kept() {
    static_assert(can_be_kept<F>, "ramie: the callable cannot be copied into the task; std::move it");
    return can_be_kept<F>;
}

template <end_note Note, class F, class... Args>
using noted_frame = task_frame<bound<F, Args...>, Note>;

template <end_note Note, class F, class... Args>
noted_frame<Note, F, Args...>* make_noted_task(std::source_location where, Note note, F&& f, Args&&... args) {
    static_assert((can_be_kept<Args> && ...),
                  "ramie: an argument cannot be copied into the task; std::move it, or lend it by std::ref");
    if constexpr (callable_can_be_kept<F>() && (can_be_kept<Args> && ...)) {
        inherited_locals locals;
        auto* const made = new noted_frame<Note, F, Args...>(
            where, std::move(note), std::forward<F>(f), std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...));
        locals.give_to(*made);
        return made;
    } else {
        return nullptr;
    }
}

template <class F, class... Args>
auto* make_task(std::source_location where, F&& f, Args&&... args) {
    return make_noted_task(where, no_end_note(), std::forward<F>(f), std::forward<Args>(args)...);
}

// How a task is spawned that leaves a note: made, then given to its runtime. The handle comes first, so that what was
// made has an owner whatever happens.
template <end_note Note, class F, class... Args>
struct noted_spawn {
    noted_frame<Note, F, Args...>* frame;
    spawned<F, Args...> handle;
};
template <end_note Note, class F, class... Args>
noted_spawn<Note, F, Args...> spawn_noted(scheduler& where_to, task_options const& options, Note note, F&& f,
                                          Args&&... args) {
    auto const stack = options.stack_size == 0 ? task::of_runtime : stack_class_for(options.stack_size);
    auto* const made = make_noted_task(options.where, std::move(note), std::forward<F>(f), std::forward<Args>(args)...);
    spawned<F, Args...> handle(made);
    made->stack_class = stack;
    made->pinned = options.pinned;
    made->set_name(options.name);
    carrier::submit(where_to, *made);
    return {made, std::move(handle)};
}

template <class F, class... Args>
spawned<F, Args...> spawn_on(scheduler& where_to, task_options const& options, F&& f, Args&&... args) {
    return spawn_noted(where_to, options, no_end_note(), std::forward<F>(f), std::forward<Args>(args)...).handle;
}

template <class F, class... Args>
spawned<F, Args...> spawn_plain(std::source_location where, F&& f, Args&&... args) {
    auto& where_to = carrier::here("spawn");
    auto* const made = make_task(where, std::forward<F>(f), std::forward<Args>(args)...);
    spawned<F, Args...> handle(made);
    carrier::submit(where_to, *made);
    return handle;
}

template <class T>
concept not_options = !std::same_as<std::remove_cvref_t<T>, task_options>;
template <class T>
concept not_location = !std::same_as<std::remove_cvref_t<T>, std::source_location>;

}  // namespace detail

// Queues f(args...) to run as a task of this runtime and returns at once (not a suspension point). Arguments are copied
// or moved as std::thread does. If `f` takes a std::stop_token first, it gets the task's, which abort requests. From
// fibers, and from threads that belong to a runtime; elsewhere throws no_runtime. In a runtime that is shutting down
// the task is born aborted.
template <class F, class... Args>
    requires detail::not_options<F>
auto spawn(task_options const& options, F&& f, Args&&... args) {
    return detail::spawn_on(detail::carrier::here("spawn"), options, std::forward<F>(f), std::forward<Args>(args)...);
}

// The same without options. (Return types are deduced, so that a compiler that looks at them before the constraints
// does not ask whether options can be called. One overload per number of arguments, because a default argument, which
// is how the place of the spawn is learnt, cannot follow a pack.)
template <detail::not_options F>
auto spawn(F&& f, std::source_location where = std::source_location::current()) {
    return detail::spawn_plain(where, std::forward<F>(f));
}
template <detail::not_options F, detail::not_location A>
auto spawn(F&& f, A&& a, std::source_location where = std::source_location::current()) {
    return detail::spawn_plain(where, std::forward<F>(f), std::forward<A>(a));
}
template <detail::not_options F, class A, detail::not_location B>
auto spawn(F&& f, A&& a, B&& b, std::source_location where = std::source_location::current()) {
    return detail::spawn_plain(where, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b));
}
template <detail::not_options F, class A, class B, detail::not_location C>
auto spawn(F&& f, A&& a, B&& b, C&& c,
                                  std::source_location where = std::source_location::current()) {
    return detail::spawn_plain(where, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
}
// With four arguments or more the place is not known.
template <detail::not_options F, class A, class B, class C, detail::not_location D, detail::not_location... More>
auto spawn(F&& f, A&& a, B&& b, C&& c, D&& d, More&&... more) {
    return detail::spawn_plain(std::source_location{}, std::forward<F>(f), std::forward<A>(a), std::forward<B>(b),
                               std::forward<C>(c), std::forward<D>(d), std::forward<More>(more)...);
}

}  // namespace ramie
