// The giving end of a future.
#pragma once

#include <ramie/detail/task/end_action.hpp>
#include <ramie/future.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

// Shows the result that a state keeps, when the running task or thread has ended.
template <class T>
class show_at_end {
  public:
    // Everything that can fail comes first, before a result is kept.
    explicit show_at_end(std::shared_ptr<future_state<T>> state)
        : action_(std::make_unique<action>(shower{std::move(state)})) {}
    void enlist() noexcept { action::enlist(std::move(action_)); }

  private:
    struct shower {
        std::shared_ptr<future_state<T>> state;
        void operator()() noexcept { state->show(); }
    };
    using action = end_action<shower>;
    std::unique_ptr<action> action_;
};

}  // namespace detail

// As std::promise. Nothing here waits or is an abort point. A promise that is destroyed without a result breaks: its
// future throws std::future_error (broken_promise). Several callers may race to set it; one succeeds. From fibers and
// plain threads.
template <class T>
class promise {
  public:
    promise() : state_(std::make_shared<detail::future_state<T>>()) {}
    // That allocator serves the state that promise and future share.
    template <class Allocator>
    promise(std::allocator_arg_t, Allocator const& a) : state_(std::allocate_shared<detail::future_state<T>>(a)) {}
    promise(promise&&) noexcept = default;
    promise& operator=(promise&& other) noexcept {
        promise(std::move(other)).swap(*this);
        return *this;
    }
    ~promise() {
        if (state_ && state_->was_retrieved()) state_->abandon();
    }
    void swap(promise& other) noexcept { state_.swap(other.state_); }
    friend void swap(promise& a, promise& b) noexcept { a.swap(b); }

    // std::future_error: future_already_retrieved, no_state (moved from).
    [[nodiscard]] future<T> get_future() {
        auto state = held();
        state->retrieve();
        return detail::access::make<future<T>>(std::move(state));
    }

    // std::future_error: promise_already_satisfied, no_state.
    template <class U = T>
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::constructible_from<T, U>)
    void set_value(U&& value) {
        held()->set_value(std::forward<U>(value));
    }
    template <class U = T>
        requires std::is_reference_v<T>
    void set_value(std::type_identity_t<U> value) {
        held()->set_value(value);
    }
    void set_value()
        requires std::is_void_v<T>
    {
        held()->set_value();
    }
    void set_exception(std::exception_ptr why) { held()->set_exception(std::move(why)); }

    // The same at once, but the future is ready only when the running task or job has ended and its fiber_locals are gone
    // (on a plain thread: its thread_locals, too). std::system_error: there are no thread-specific keys left.
    template <class U = T>
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::constructible_from<T, U>)
    void set_value_at_thread_exit(U&& value) {
        at_exit([&](auto& state) { state.keep_value(std::forward<U>(value)); });
    }
    template <class U = T>
        requires std::is_reference_v<T>
    void set_value_at_thread_exit(std::type_identity_t<U> value) {
        at_exit([&](auto& state) { state.keep_value(value); });
    }
    void set_value_at_thread_exit()
        requires std::is_void_v<T>
    {
        at_exit([](auto& state) { state.keep_value(); });
    }
    void set_exception_at_thread_exit(std::exception_ptr why) {
        at_exit([&](auto& state) { state.keep_exception(std::move(why)); });
    }

  private:
    template <class Keep>
    void at_exit(Keep keep) {
        auto const state = held();
        detail::show_at_end<T> later(state);
        keep(*state);
        later.enlist();
    }
    // A copy, because a woken waiter may destroy the promise before set_value() has returned.
    std::shared_ptr<detail::future_state<T>> held() const {
        if (!state_) detail::throw_future_error(std::future_errc::no_state);
        return state_;
    }

    std::shared_ptr<detail::future_state<T>> state_;
};

}  // namespace ramie

template <class T, class Allocator>
struct std::uses_allocator<ramie::promise<T>, Allocator> : std::true_type {};
