// The giving end of a future.
#pragma once

#include <ramie/future.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace ramie {

// As std::promise, without the forms that wait for a thread's exit. Nothing here waits or is an abort point. A promise
// that goes without having given anything breaks: its future throws std::future_error (broken_promise). Several may
// race to set it; one succeeds. From fibers and plain threads.
template <class T>
class promise {
  public:
    promise() : state_(std::make_shared<detail::future_state<T>>()) {}
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
        return future<T>(std::move(state));
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

  private:
    // A copy: whoever is woken may destroy the promise before set_value() has returned.
    std::shared_ptr<detail::future_state<T>> held() const {
        if (!state_) detail::throw_future_error(std::future_errc::no_state);
        return state_;
    }

    std::shared_ptr<detail::future_state<T>> state_;
};

}  // namespace ramie
