// A deadline for a stretch of ordinary code.
#pragma once

#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/error.hpp>

#include <chrono>
#include <expected>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

class timeout_scope {
  public:
    explicit timeout_scope(time_point until) noexcept
        : self_(waiter::self()), scope_{until, self_.shields, uncaught_exceptions(), self_.scopes} {
        self_.scopes = &scope_;
    }
    timeout_scope(timeout_scope const&) = delete;
    timeout_scope& operator=(timeout_scope const&) = delete;
    ~timeout_scope() {
        self_.scopes = scope_.outer;
        // Refusals by this timeout end with it; those by an abort do not.
        if (self_.reason.load(std::memory_order_relaxed) != nullptr && !self_.state.abort_requested()) [[unlikely]]
            self_.reason.store(nullptr, std::memory_order_relaxed);
    }
    bool owns(deadline_passed const& e) const noexcept { return access::scope(e) == &scope_; }

  private:
    waiter& self_;
    deadline_scope scope_;
};

// What a timeout of a callable that returns T has: std::expected keeps no references.
template <class T>
struct timeout_value : std::type_identity<T> {};
template <class T>
struct timeout_value<T&> : std::type_identity<std::reference_wrapper<T>> {};
template <class T>
struct timeout_value<T&&> : std::type_identity<T> {};

template <class F>
using timeout_result = std::expected<typename timeout_value<std::invoke_result_t<F>>::type, timed_out>;

template <class F>
timeout_result<F> call_until(time_point t, F&& f) {
    timeout_scope scope(t);
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
            detail::invoke(std::forward<F>(f));
            return {};
        } else if constexpr (std::is_reference_v<std::invoke_result_t<F>>) {
            return timeout_result<F>(std::in_place, detail::invoke(std::forward<F>(f)));
        } else {
            return detail::invoke(std::forward<F>(f));
        }
    } catch (deadline_passed const& e) {
        if (!scope.owns(e)) throw;
        return std::unexpected(timed_out{});
    }
}

}  // namespace detail

// Runs f() here, on the caller's own stack, and gives up on it at time t: the wait inside `f` that is then under way
// (or the next one that really has to wait) throws ramie::deadline_passed through `f`, and destructors run. A result
// that exists already, and an operation that need not wait, win over the deadline; an abort wins over it too. (A loop
// of such operations is ended all the same: after about a hundred of them the next one looks at the clock.) Scopes
// nest: the earlier deadline counts, and each timeout catches only its own (of two with one deadline the inner is
// caught first, and the outer throws into the next wait). In an abort_shield, or in a destructor while an exception
// unwinds, timeouts opened inside work as always; only those opened outside are held off. No timer is armed until
// something waits. A clock other than the steady one is asked once, here. A reference that `f` returns comes as a
// std::reference_wrapper. From fibers and plain threads.
template <class Clock, class Duration, class F>
auto timeout_at(std::chrono::time_point<Clock, Duration> t, F&& f) {
    static_assert(std::is_invocable_v<F>,
                  "ramie: timeout takes a callable without parameters, which it calls; put what may wait into a "
                  "lambda");
    if constexpr (std::is_invocable_v<F>) return detail::call_until(detail::at(t), std::forward<F>(f));
}

// The same, d from now. From a second on the timeout comes up to two ticks of the kernel's clock later (8 ms with ticks
// at 250 Hz).
template <class Rep, class Period, class F>
auto timeout(std::chrono::duration<Rep, Period> d, F&& f) {
    return timeout_at(detail::roughly_after(d), std::forward<F>(f));
}

}  // namespace ramie
