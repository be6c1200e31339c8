// A mutex that can be waited for with a limit.
#pragma once

#include <ramie/detail/task/after.hpp>
#include <ramie/mutex.hpp>

#include <chrono>

namespace ramie {

// Meets TimedLockable; otherwise as ramie::mutex: first come first served, from fibers and plain threads, may be held
// over a suspension. A waiter whose time runs out leaves the queue without the mutex, unless the mutex was handed to it
// at that moment.
class timed_mutex : private mutex {
  public:
    constexpr timed_mutex() = default;
    // Dies with a message if a fiber or thread waits.
    ~timed_mutex() { assert_unwaited("timed_mutex"); }

    // Suspension point. std::system_error (resource_deadlock_would_occur) if the caller holds it already; so do the
    // limited forms. On abort it is not held.
    void lock() { (void)lock_limited(detail::waiter::self(), detail::never, "timed_mutex"); }
    using mutex::try_lock;
    using mutex::unlock;

    // False if the time ran out. Suspension points, also with no time at all; they do not wait for a free mutex.
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
        return lock_limited(detail::waiter::self(), detail::after(d), "timed_mutex");
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(t, [this](detail::time_point limit) {
            return lock_limited(detail::waiter::self(), limit, "timed_mutex");
        });
    }
};

}  // namespace ramie
