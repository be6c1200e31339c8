// Waiting for a condition, for fibers and plain threads, with any BasicLockable.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/line_up.hpp>
#include <ramie/detail/wait/stop_claim.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/mutex.hpp>
#include <ramie/stop_token.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <utility>

namespace ramie {

using std::cv_status;

// As std::condition_variable_any (which would block the whole worker and must not be used in a fiber), and under both
// names. First to wait is first to be notified. There are no spurious wake-ups (except from a wait_until whose clock was
// set back), but a notified waiter still competes for the lock, so use a predicate.
//
// An abort or a passed timeout: the lock is taken again, shielded, before the exception is thrown. A notification that
// reached the waiter first counts as received: wait() returns, and the abort comes at the next abort point.
class condition_variable {
  public:
    constexpr condition_variable() = default;
    condition_variable(condition_variable const&) = delete;
    condition_variable& operator=(condition_variable const&) = delete;
    // Dies with a message if a waiter was not notified.
    RAMIE_API ~condition_variable();

    RAMIE_API void notify_one() noexcept;
    RAMIE_API void notify_all() noexcept;

    // Suspension point. `lock` is held by the caller; its unlock() must not suspend.
    template <class Lock>
    void wait(Lock& lock) {
        (void)wait_for_end(lock, detail::never, nullptr);
    }
    template <class Lock, class Predicate>
    void wait(Lock& lock, Predicate ready) {
        while (!ready()) wait(lock);
    }
    // timeout: t has come, by its own clock.
    template <class Lock, class Clock, class Duration>
    std::cv_status wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> t) {
        return wait_until_end(lock, t, nullptr) ? std::cv_status::no_timeout : std::cv_status::timeout;
    }
    // The predicate's last value.
    template <class Lock, class Clock, class Duration, class Predicate>
    bool wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> t, Predicate ready) {
        while (!ready()) {
            if (!wait_until_end(lock, t, nullptr)) return ready();
        }
        return true;
    }
    template <class Lock, class Rep, class Period>
    std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> d) {
        return wait_until(lock, detail::after(d));
    }
    template <class Lock, class Rep, class Period, class Predicate>
    bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> d, Predicate ready) {
        return wait_until(lock, detail::after(d), std::move(ready));
    }

    // The same, but a requested stop ends the wait, too. The predicate's last value: false says that it was stopped (or
    // that the time ran out).
    template <class Lock, class Predicate>
    bool wait(Lock& lock, std::stop_token stop, Predicate ready) {
        return wait_until(lock, std::move(stop), detail::never, std::move(ready));
    }
    template <class Lock, class Clock, class Duration, class Predicate>
    bool wait_until(Lock& lock, std::stop_token stop, std::chrono::time_point<Clock, Duration> t, Predicate ready) {
        while (!stop.stop_requested()) {
            if (ready()) return true;
            if (!wait_until_end(lock, t, &stop)) break;
        }
        return ready();
    }
    template <class Lock, class Rep, class Period, class Predicate>
    bool wait_for(Lock& lock, std::stop_token stop, std::chrono::duration<Rep, Period> d, Predicate ready) {
        return wait_until(lock, std::move(stop), detail::after(d), std::move(ready));
    }

  private:
    // In the queue as long as it lives, unless it was claimed.
    class queued_waiter {
      public:
        RAMIE_API queued_waiter(condition_variable& cv, detail::waiter& self) noexcept;
        ~queued_waiter() { leave(false); }
        // A notified waiter does not touch the condition variable any more: it may be gone.
        RAMIE_API void leave(bool notified) noexcept;
        detail::wait_node node;

      private:
        condition_variable& cv_;
        bool queued_ = true;
    };

    // Puts the lock back however the wait ends.
    template <class Lock>
    struct relock {
        Lock& lock;
        ~relock() noexcept(false) {
            abort_shield whole;
            lock.lock();
        }
    };

    // False: t has come. If the limit passes while t's own clock was set back, that is a spurious wake-up: the lock was
    // given back meanwhile, so a notification may have come.
    template <class Lock, class Clock, class Duration>
    bool wait_until_end(Lock& lock, std::chrono::time_point<Clock, Duration> t, std::stop_token const* stop) {
        return wait_for_end(lock, detail::at(t), stop) || !detail::has_come(t);
    }

    // True if it was woken, by a notification or by the stop. Not a line_up(): the waiter is in the queue before it
    // unlocks the user's lock (unlock() may throw), and has that lock again before this returns.
    template <class Lock>
    bool wait_for_end(Lock& lock, detail::time_point limit, std::stop_token const* stop) {
        auto& self = detail::waiter::self();
        self.abort_point();  // spends no budget: it always parks, and must not yield while it holds a lock that may be std's
        queued_waiter mine(*this, self);
        detail::stop_claim stopping(mine.node, stop);  // gone before `mine`: what it claims is the node's wait
        lock.unlock();
        auto const end = [&] {
            relock<Lock> again{lock};
            auto const ended = detail::park(mine.node, {"condition_variable", this}, nullptr, limit);
            bool const stopped = stopping.end();
            mine.leave(ended.woken() && !stopped);
            return ended;
        }();
        if (end.woken()) return true;
        end.raise();
        return false;
    }

    detail::word_lock guard_;
    detail::wait_queue queue_ RAMIE_GUARDED_BY(guard_);
};

using condition_variable_any = condition_variable;

// As std::notify_all_at_thread_exit: when the running task, job or plain thread has ended and its fiber_locals are gone (a
// plain thread's thread_locals, too), all waiters are notified and the lock given back. std::system_error
// (operation_not_permitted) if the lock is not held.
RAMIE_API void notify_all_at_thread_exit(condition_variable& changed, unique_lock<mutex> held);

}  // namespace ramie
