// How a task comes into being, whatever verb asks for it: made in its place of all that it is to keep, described, and
// given to its runtime.
#pragma once

#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/local_value.hpp>
#include <ramie/detail/task/task_frame.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/task_options.hpp>

#include <concepts>
#include <source_location>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class T>
concept not_options = !std::same_as<std::remove_cvref_t<T>, task_options>;
template <class T>
concept not_location = !std::same_as<std::remove_cvref_t<T>, std::source_location>;

template <class F, class... Args>
using bound = bound_call<std::decay_t<F>, std::decay_t<Args>...>;
template <class F, class... Args>
using spawned = join_handle<typename bound<F, Args...>::value_type>;

// Whether a task can keep them all; the reason in one line if not, since what comes after a false one is not compiled.
template <class F, class... Args>
consteval bool task_can_keep() {
    constexpr bool callable = can_be_kept<F>, arguments = (can_be_kept<Args> && ...);
    static_assert(callable, "ramie: the callable cannot be copied into the task; std::move it");
    static_assert(arguments, "ramie: an argument cannot be copied into the task; std::move it, or lend it by std::ref");
    return callable && arguments;
}

// A task that nobody has yet. `parts` are what its Call is made of.
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

// A task that was given to its runtime, with its handle: as long as one has that, the frame is there.
template <class Call, end_note Note>
struct spawned_task {
    task_frame<Call, Note>* frame;
    join_handle<typename Call::value_type> handle;
};

using submit_function = void (*)(scheduler& to, task&);

template <submit_function Submit = &carrier::submit>
class spawn_request {
  public:
    spawn_request(scheduler& to, std::source_location where) noexcept : to_(to), where_(where) {}
    // The options must outlive this. std::invalid_argument: a stack size out of range.
    spawn_request(scheduler& to, task_options const& options)
        : to_(to),
          where_(options.where),
          options_(&options),
          stack_(options.stack_size == 0 ? task::of_runtime : stack_class_for(options.stack_size)) {}

    // f(args...), as spawn keeps and calls it.
    template <class F, class... Args>
    spawned<F, Args...> call(F&& f, Args&&... args) const {
        if constexpr (task_can_keep<F, Args...>()) {
            auto* const made = make_task(where_, std::forward<F>(f), std::forward<Args>(args)...);
            spawned<F, Args...> handle(made);  // first, so that what was made has an owner whatever happens
            submit(*made);
            return handle;
        } else {
            return {};
        }
    }
    // Something of one's own to call, which may leave a note to be told at its end.
    template <class Call, end_note Note, class... Parts>
    spawned_task<Call, Note> make(Note note, Parts&&... parts) const {
        auto* const made = make_frame<Call>(where_, std::move(note), std::forward<Parts>(parts)...);
        join_handle<typename Call::value_type> handle(made);
        submit(*made);
        return {made, std::move(handle)};
    }

  private:
    void submit(task& made) const {
        if (options_ != nullptr) {
            made.stack_class = stack_;
            made.pinned = options_->pinned;
            made.set_name(options_->name);
        }
        Submit(to_, made);
    }

    scheduler& to_;
    std::source_location where_;
    task_options const* options_ = nullptr;
    std::uint8_t stack_ = task::of_runtime;
};

}  // namespace ramie::detail
