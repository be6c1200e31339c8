// One writer or many readers, first come first served.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/lock.hpp>

#include <chrono>
#include <cstdint>
#include <shared_mutex>

namespace ramie {

using std::shared_lock;

// Meets SharedTimedLockable (and so the standard's shared_mutex and shared_timed_mutex), so std::shared_lock works. As
// tokio's RwLock it is fair: a caller that comes while others wait queues behind them, so a writer is not starved by
// readers that keep coming, nor a reader by writers; readers that stand next to each other get it together. A task that
// holds it for reading must therefore not lock it again: a writer may have queued in between, and both would wait for
// ever.
//
// On abort or a passed timeout while waiting, lock and lock_shared throw and nothing is held; a waiter that stood
// behind is let in if that is now possible. A waiter to whom it was already handed has it. From fibers and plain
// threads; may be held over a suspension.
class shared_mutex {
  public:
    constexpr shared_mutex() = default;
    shared_mutex(shared_mutex const&) = delete;
    shared_mutex& operator=(shared_mutex const&) = delete;
    // Dies with a message if a fiber or thread waits.
    RAMIE_API ~shared_mutex();

    // Suspension point. std::system_error (resource_deadlock_would_occur) if the caller holds it for writing; so do all
    // waiting forms.
    void lock() { (void)lock_limited(detail::never); }
    // Never waits and is no abort point.
    [[nodiscard]] RAMIE_API bool try_lock() noexcept;
    // False if the time ran out. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
        return lock_limited(detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(t, [this](detail::time_point limit) { return lock_limited(limit); });
    }
    RAMIE_API void unlock() noexcept;

    // The same for reading. Suspension point.
    void lock_shared() { (void)lock_shared_limited(detail::never); }
    // Never waits and is no abort point. Also fails while others wait.
    [[nodiscard]] RAMIE_API bool try_lock_shared() noexcept;
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) {
        return lock_shared_limited(detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(t, [this](detail::time_point limit) { return lock_shared_limited(limit); });
    }
    RAMIE_API void unlock_shared() noexcept;

  private:
    friend detail::access;
    detail::waiter const* holder() const noexcept { return writer_.load(std::memory_order_relaxed); }
    RAMIE_API bool lock_limited(detail::time_point limit);
    RAMIE_API bool lock_shared_limited(detail::time_point limit);
    bool wait(detail::waiter& self, bool to_write, detail::time_point limit);
    bool lock_in_callback(detail::waiter& self, bool to_write, detail::time_point limit);
    void serve(detail::woken_list& woken) noexcept;

    //   word_   readers (bits 2-31)   waiters (1)   writer (0)
    //                 0                   0            0       free
    //                 n                   0            0       n read
    //                 0                   0            1       one writes
    //               n or 0                1            x       held; queue_ has nodes; changes only under guard_
    // Without `waiters`, locking and unlocking is one CAS.
    detail::atomic<std::uint32_t> word_{0};
    detail::word_lock guard_;
    detail::wait_queue queue_;  // a node's slot is not null for a writer
    detail::atomic<detail::waiter const*> writer_{nullptr};  // to detect a second lock by the writer
};

using shared_timed_mutex = shared_mutex;

}  // namespace ramie
