// The receiving ends of a promise: future and shared_future.
#pragma once

#include <ramie/detail/future/future_state.hpp>
#include <ramie/detail/task/after.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace ramie {

using std::future_category;
using std::future_errc;
using std::future_error;
using std::future_status;
using std::make_error_code;
using std::make_error_condition;

template <class T>
class shared_future;

namespace detail {

// Shared by both. Waiting is a suspension point, from fibers and plain threads; an abort or a timeout leaves the future
// as it is. A deferred function (see async) is called by the first waiter, on its own stack.
template <class T>
class future_base {
  public:
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    void wait() const { state().wait(); }
    template <class Rep, class Period>
    std::future_status wait_for(std::chrono::duration<Rep, Period> d) const {
        return state().wait_until(after(d));
    }
    template <class Clock, class Duration>
    std::future_status wait_until(std::chrono::time_point<Clock, Duration> t) const {
        return wait_until_clock(
            t, [this](time_point limit) { return state().wait_until(limit); },
            [](std::future_status s) { return s == std::future_status::timeout; });
    }

  protected:
    using shared = std::shared_ptr<future_state<T>>;
    future_base() noexcept = default;
    explicit future_base(shared state) noexcept : state_(std::move(state)) {}

    future_state<T>& state() const {
        if (!state_) throw_future_error(std::future_errc::no_state);
        return *state_;
    }
    shared state_;
};

}  // namespace detail

// As std::future. On an empty future everything but valid() and the destructor throws std::future_error (no_state).
// Destroying the last future of an async call waits for its task, shielded from abort.
template <class T>
class [[nodiscard]] future : public detail::future_base<T> {
  public:
    future() noexcept = default;
    future(future&&) noexcept = default;
    future& operator=(future&&) noexcept = default;

    // Waits, then moves the value out or rethrows the exception; the future is empty afterwards. Suspension point; an
    // aborted wait leaves the future as it is.
    T get() {
        this->wait();
        return std::exchange(this->state_, nullptr)->take();
    }
    shared_future<T> share() noexcept { return shared_future<T>(std::move(*this)); }

  private:
    friend detail::access;
    // For a promise; the promise makes sure that there is only one.
    explicit future(std::shared_ptr<detail::future_state<T>> state) noexcept
        : detail::future_base<T>(std::move(state)) {}
};

// As std::shared_future: all copies share one result. Each object is for one fiber or thread at a time; there may be
// any number of copies.
template <class T>
class [[nodiscard]] shared_future : public detail::future_base<T> {
  public:
    shared_future() noexcept = default;
    shared_future(future<T>&& single) noexcept : detail::future_base<T>(static_cast<detail::future_base<T>&&>(single)) {}

    // Waits, then gives a reference to the value (for void: nothing) or rethrows the exception. Suspension point.
    decltype(auto) get() const {
        this->wait();
        return this->state_->look();
    }
};

}  // namespace ramie
