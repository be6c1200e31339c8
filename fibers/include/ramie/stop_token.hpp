// The standard's stop tokens, under Ramie's name: none of them waits.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/stop_request.hpp>

#include <concepts>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace ramie {

using std::nostopstate;
using std::nostopstate_t;
using std::stop_source;
using std::stop_token;

// As std::stop_callback: calls the callback once, when the stop is requested, in the thread or fiber that requests it;
// or in the constructor, if it was requested before. The destructor waits for a call that is under way in another
// thread.
//
// A callback must not wait. It runs inside an abort, a cancel or a request_stop. If its fiber left the thread, other
// code on that thread might destroy the callback while it is suspended, because the standard library tells only threads
// apart. A callback that waits ends the process with a message. It may lock a mutex or shared_mutex: that is then tried
// until it is free (unless no other worker runs that could unlock it). Callbacks of std::stop_callback itself are
// watched in the same way inside abort, cancellation_token::cancel and jthread::request_stop, but not if a
// std::stop_source is asked directly.
template <class Callback>
class stop_callback {
  public:
    using callback_type = Callback;

    template <class C>
        requires std::constructible_from<Callback, C>
    explicit stop_callback(std::stop_token const& stop, C&& callback) noexcept(
        std::is_nothrow_constructible_v<Callback, C>)
        : inner_(stop, given<C>{std::forward<C>(callback), &constructor_}) {
        constructor_.store(nullptr, std::memory_order_relaxed);
    }
    template <class C>
        requires std::constructible_from<Callback, C>
    explicit stop_callback(std::stop_token&& stop, C&& callback) noexcept(std::is_nothrow_constructible_v<Callback, C>)
        : inner_(std::move(stop), given<C>{std::forward<C>(callback), &constructor_}) {
        constructor_.store(nullptr, std::memory_order_relaxed);
    }
    stop_callback(stop_callback const&) = delete;
    stop_callback& operator=(stop_callback const&) = delete;

  private:
    using constructing = detail::atomic<detail::waiter const*>;
    template <class C>
    struct given {
        C&& callback;
        constructing const* constructor;
    };
    // In the constructor nothing is registered yet, so there the callback is an ordinary call.
    struct call {
        template <class C>
        explicit call(given<C> from) noexcept(std::is_nothrow_constructible_v<Callback, C>)
            : callback(std::forward<C>(from.callback)), constructor(from.constructor) {}
        Callback callback;
        constructing const* constructor;
        void operator()() && {
            if (constructor->load(std::memory_order_relaxed) == &detail::waiter::self())
                return static_cast<void>(std::forward<Callback>(callback)());
            detail::stop_callbacks_run const here;
            std::forward<Callback>(callback)();
        }
    };

    constructing constructor_{&detail::waiter::self()};  // null once it has returned
    std::stop_callback<call> inner_;
};

template <class Callback>
stop_callback(std::stop_token, Callback) -> stop_callback<Callback>;

}  // namespace ramie
