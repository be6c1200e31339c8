// Mutual exclusion for fibers and plain threads, first come first served among those who wait. (Whoever finds it held
// and nobody waiting may spin for a moment first, if its holder may be at work on another worker.)
#pragma once

#include <ramie/detail/wait_queue.hpp>
#include <ramie/detail/word_lock.hpp>

#include <atomic>
#include <cstdint>

namespace ramie {

// Meets Lockable, so std::lock_guard, std::unique_lock and std::scoped_lock work. May be held over a suspension and
// unlocked on another worker. An unlock hands the mutex to the first waiter, which thus owns it before it runs.
//
// On abort or a passed timeout while waiting, lock() throws and the mutex is not held; a waiter to whom it was already
// handed gets it, and the abort comes at its next abort point.
class mutex {
  public:
    mutex() = default;
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;
    // Dies with a message if somebody waits.
    ~mutex();

    // Suspension point. std::system_error (resource_deadlock_would_occur) if the caller holds it already.
    void lock();
    // Never waits and is no abort point.
    [[nodiscard]] bool try_lock() noexcept;
    void unlock() noexcept;

  protected:
    // What timed_mutex and recursive_mutex are made of. lock() with a limit: false if the time ran out; `what` is the
    // name to wait under.
    [[nodiscard]] bool lock_limited(detail::waiter& self, detail::time_point limit, char const* what);
    // Never wrong about the caller itself: only it writes its own address here.
    bool held_by(detail::waiter const& self) const noexcept { return owner_.load(std::memory_order_relaxed) == &self; }
    // Dies with a message under that name if somebody waits.
    void assert_unwaited(char const* what) noexcept;

  private:
    bool lock_slow(detail::waiter& self, detail::time_point limit, char const* what);
    void unlock_slow() noexcept;
    bool spin() noexcept;

    //   word_   locked  waiters
    //     0       -        -      free; lock() is one CAS
    //     1       x        -      held; unlock() is one CAS
    //     3       x        x      held, queue_ has nodes; changes only under guard_
    std::atomic<std::uint32_t> word_{0};
    detail::word_lock guard_;
    detail::wait_queue queue_;
    std::atomic<detail::waiter const*> owner_{nullptr};  // to detect a second lock by its holder
};

}  // namespace ramie
