// A mutex that its holder may lock again, and that can be waited for with a limit.
#pragma once

#include <ramie/detail/task/after.hpp>
#include <ramie/recursive_mutex.hpp>

#include <chrono>

namespace ramie {

// Meets TimedLockable. See recursive_mutex and timed_mutex.
class recursive_timed_mutex : private recursive_mutex {
  public:
    constexpr recursive_timed_mutex() = default;
    // Dies with a message if a fiber or thread waits.
    ~recursive_timed_mutex() { assert_unwaited("recursive_timed_mutex"); }

    // Suspension point, also for the holder. On abort it is held as often as before.
    void lock() { (void)lock_again(detail::never, "recursive_timed_mutex"); }
    using recursive_mutex::try_lock;
    using recursive_mutex::unlock;

    // False if the time ran out; never false for the holder. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
        return lock_again(detail::after(d), "recursive_timed_mutex");
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(
            t, [this](detail::time_point limit) { return lock_again(limit, "recursive_timed_mutex"); });
    }
};

}  // namespace ramie
