// A signal without a value: wakes one waiter, or the next to come.
#pragma once

#include <ramie/detail/after.hpp>
#include <ramie/detail/wait_queue.hpp>
#include <ramie/detail/word_lock.hpp>

#include <chrono>

namespace ramie {

// notify_one() wakes the longest waiter; if nobody waits, one permit is kept (never more than one) and the next wait()
// takes it without waiting. A notification that reached a waiter is not lost to an abort: either that waiter returns
// normally, or the next one (or the permit) gets it. From fibers and plain threads.
class notify {
  public:
    notify() = default;
    notify(notify const&) = delete;
    notify& operator=(notify const&) = delete;
    // Dies with a message if somebody waits.
    ~notify();

    void notify_one() noexcept;
    // Wakes all who wait now; keeps no permit.
    void notify_all() noexcept;

    // Suspension point.
    void wait() { (void)wait_limited(detail::never); }
    // False if the time ran out.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return wait_limited(detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) {
        return wait_limited(detail::at(t));
    }

  private:
    bool wait_limited(detail::time_point limit);

    detail::word_lock guard_;
    detail::wait_queue queue_;
    bool permit_ = false;  // under guard_; only while queue_ is empty
};

}  // namespace ramie
