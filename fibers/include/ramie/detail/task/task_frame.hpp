// The task with its callable, and later its result in the callable's place.
#pragma once

#include <ramie/detail/blocks/task_block.hpp>
#include <ramie/detail/ground/kept_call.hpp>
#include <ramie/detail/task/end_note.hpp>
#include <ramie/detail/task/task.hpp>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace ramie::detail {

// The callable of a spawn. If its first parameter is a std::stop_token, it gets the task's token.
template <class F, class... Args>
class bound_call : public kept_call<F, Args...> {
  public:
    static constexpr bool wants_stop = std::is_invocable_v<F, std::stop_token, Args...>;
    static constexpr bool fits = wants_stop || std::is_invocable_v<F, Args...>;
    static_assert(fits,
                  "ramie: the callable cannot be called with these arguments (they are passed as moved-from copies; use "
                  "std::ref to lend one)");

  private:
    // After a mistake the type is something harmless, so that the reason above is the only error.
    static auto result() {
        if constexpr (wants_stop) return std::type_identity<std::invoke_result_t<F, std::stop_token, Args...>>{};
        else if constexpr (fits) return std::type_identity<std::invoke_result_t<F, Args...>>{};
        else return std::type_identity<void>{};
    }

  public:
    using returned_type = typename decltype(result())::type;
    static_assert(!std::is_reference_v<returned_type>,
                  "ramie: a task cannot return a reference; return a value, a pointer or std::ref");
    using value_type = std::remove_reference_t<returned_type>;
    using kept_call<F, Args...>::kept_call;

    value_type operator()(task& t) {
        if constexpr (wants_stop) return this->call(t.stop_token());
        else if constexpr (fits) return this->call();
    }
};

// What a join_handle<T> needs to know: where the value is.
template <class T>
class task_of : public task {
  public:
    using task::task;
    // Moves it out; it is destroyed here even if its move throws.
    T take_value() {
        struct last {
            T& stored;
            ~last() { std::destroy_at(std::addressof(stored)); }
        };
        kind = result_kind::none;
        last const use{*value_};
        return std::move(use.stored);
    }

  protected:
    ~task_of() = default;
    T* value_ = nullptr;
};

template <>
class task_of<void> : public task {
  public:
    using task::task;
    void take_value() noexcept { kind = result_kind::none; }

  protected:
    ~task_of() = default;
};

template <class Call, end_note Note = no_end_note>
class task_frame final : public task_of<typename Call::value_type> {
    using value_type = typename Call::value_type;
    using stored_type = std::conditional_t<std::is_void_v<value_type>, char, value_type>;
    static constexpr bool has_value = !std::is_void_v<value_type>;
    static constexpr bool is_noted = !std::is_same_v<Note, no_end_note>;

  public:
    template <class... Parts>
    explicit task_frame(std::source_location where, Note&& note, Parts&&... parts)
        : task_of<value_type>(&operations, where), call_(std::forward<Parts>(parts)...), note_(std::move(note)) {}

    Note& note() noexcept { return note_; }

    static void* operator new(std::size_t size) { return take_block(size); }
    static void operator delete(void* block) noexcept { put_block(block, sizeof(task_frame)); }
    static void* operator new(std::size_t size, std::align_val_t a) { return ::operator new(size, a); }
    static void operator delete(void* block, std::align_val_t a) noexcept { ::operator delete(block, a); }

  private:
    ~task_frame() {}  // callable and result were destroyed before, by their owners

    static task_frame& of(task& t) noexcept { return static_cast<task_frame&>(t); }

    // Destroys the callable however its call ends. No exception may leave that, so an abort waits.
    struct callable_guard {
        task_frame& frame;
        ~callable_guard() { drop_callable(frame); }
    };

    static void run(task& t) {
        auto& frame = of(t);
        if constexpr (!has_value) {
            callable_guard guard{frame};
            frame.call_(t);
        } else {
            value_type value = [&] {
                callable_guard guard{frame};
                return frame.call_(t);
            }();
            frame.value_ = ::new (static_cast<void*>(std::addressof(frame.result_))) value_type(std::move(value));
        }
    }

    static void drop_callable(task& t) noexcept {
        ++t.shields;
        std::destroy_at(std::addressof(of(t).call_));
        --t.shields;
    }

    static void drop_value(task& t) noexcept {
        if constexpr (has_value) std::destroy_at(of(t).value_);
    }

    static void tell_end(task& t) noexcept { of(t).note_.tell(); }

    static void free(task& t) noexcept { delete &of(t); }

    static constexpr task_ops operations{&run, &drop_callable, &drop_value, is_noted ? &tell_end : nullptr, &free};

    union {
        Call call_;
        stored_type result_;
    };
    [[no_unique_address]] Note note_;
};

}  // namespace ramie::detail
