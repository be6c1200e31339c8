// How every verb makes a task: the task is built in its place from all that it must keep, described, and given to its
// runtime.
#pragma once

#include <ramie/detail/join/spawn_forms.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/local_value.hpp>
#include <ramie/detail/task/task_frame.hpp>
#include <ramie/detail/thread_state/require.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/task_options.hpp>

#include <source_location>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class F, class... Args>
using bound = bound_call<std::decay_t<F>, std::decay_t<Args>...>;
template <class F, class... Args>
using spawned = join_handle<typename bound<F, Args...>::value_type>;

// Whether a task can keep all of them; if not, one line gives the reason, because nothing after a failed assertion is
// compiled.
template <class F, class... Args>
consteval bool task_can_keep() {
    constexpr bool callable = can_be_kept<F>, arguments = (can_be_kept<Args> && ...);
    static_assert(callable, "ramie: the callable cannot be copied into the task; std::move it");
    static_assert(arguments, "ramie: an argument cannot be copied into the task; std::move it, or lend it by std::ref");
    return callable && arguments;
}

// A new task that belongs to no runtime and has no handle object yet. Its Call is made from `parts`.
template <class Call, end_note Note, class... Parts>
task_frame<Call, Note>* make_frame(std::source_location where, Note note, Parts&&... parts) {
    inherited_locals locals;
    auto* const made = new task_frame<Call, Note>(where, std::move(note), std::forward<Parts>(parts)...);
    locals.give_to(*made);
    return made;
}

template <class F, class... Args>
auto* make_task(std::source_location where, F&& f, Args&&... args) {
    return make_frame<bound<F, Args...>>(where, no_end_note(), std::in_place, std::forward<F>(f),
                                         std::forward<Args>(args)...);
}

// A task that was given to its runtime, with its handle: the frame lives as long as the handle.
template <class Call, end_note Note>
struct spawned_task {
    task_frame<Call, Note>* frame;
    join_handle<typename Call::value_type> handle;
};

using submit_function = void (*)(scheduler& to, task&);

template <submit_function Submit = &carrier::submit>
class spawn_request {
  public:
    // std::invalid_argument: a stack size out of range. std::system_error: no own thread state here.
    spawn_request(scheduler& to, spawn_terms terms) : to_(to), terms_(terms) {
        if (terms.options == nullptr) return;
        if (terms.options->stack_size != 0) stack_ = stack_class_for(terms.options->stack_size);
        if (terms.options->own_thread_state) require_own_thread_state();
    }

    // A task for f(args...), as spawn keeps and calls it.
    template <class F, class... Args>
    spawned<F, Args...> call(F&& f, Args&&... args) const {
        return call_noted(no_end_note(), std::forward<F>(f), std::forward<Args>(args)...);
    }
    // The same, and `note` is told of the task's end.
    template <end_note Note, class F, class... Args>
    spawned<F, Args...> call_noted(Note note, F&& f, Args&&... args) const {
        if constexpr (task_can_keep<F, Args...>())
            return make<bound<F, Args...>>(std::move(note), std::in_place, std::forward<F>(f), std::forward<Args>(args)...)
                .handle;
        else return {};
    }
    // A task for a Call of the library's own, made from `parts`.
    template <class Call, end_note Note, class... Parts>
    spawned_task<Call, Note> make(Note note, Parts&&... parts) const {
        auto* const made = make_frame<Call>(terms_.where, std::move(note), std::forward<Parts>(parts)...);
        auto handle = access::make<join_handle<typename Call::value_type>>(made);  // first: the task has an owner whatever happens
        submit(*made);
        return {made, std::move(handle)};
    }

  private:
    void submit(task& made) const {
        if (terms_.options != nullptr) {
            made.stack_class = stack_;
            made.pinned = terms_.options->pinned;
            if (terms_.options->own_thread_state) made.runs = task::body::with_own_thread_state;
            made.set_name(terms_.options->name);
        }
        Submit(to_, made);
    }

    scheduler& to_;
    spawn_terms terms_;
    std::uint8_t stack_ = task::of_runtime;
};

}  // namespace ramie::detail
