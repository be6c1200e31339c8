// Mutual exclusion for fibers and plain threads; waiters are served first come first served.
//
// If an unlock hands the mutex over to a waiter that must be woken first, the mutex stays locked and idle meanwhile.
// Every other task that comes in between waits, too, and a queue that formed once never goes: with two workers each
// turn then takes a park, a wake and several cache lines from the other worker. So if others run beside the first
// waiter, an unlock frees the mutex and wakes that waiter, which may be overtaken; after `patience` times the next
// unlock hands the mutex over. With one worker no other task can use the mutex meanwhile, so every unlock hands over.
// The waiter itself says in its node's slot which of the two it needs, because a thread that looks at the node later
// may not ask where the waiter runs.
//
//   word_   locked  waiters   changes only under guard_, which costs little to a lane that is alone (bias.hpp)
//     0       -        -      free
//     1       x        -      held
//     3       x        x      held, queue_ has nodes
//     2       -        x      free, queue_ has nodes; a waiter taken off it is on its way (waiter_comes_)
//
// No waiter is forgotten: in state 2 the waiter on its way takes the mutex, or finds it held, and then the holder's
// unlock finds the queue. A waiter that was woken tries the mutex before it can be aborted or its time can run out.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/lock.hpp>

#include <cstdint>

namespace ramie {

// Meets Lockable, so std::lock_guard, std::unique_lock and std::scoped_lock work. May be held over a suspension and
// unlocked on another worker. Waiters get it in the order in which they came; a task that does not wait yet may come
// before them a few times while others run beside (see above).
//
// On abort or a passed timeout while waiting, lock() throws and the mutex is not held; if the mutex was handed to the
// waiter already, the waiter has it, and the abort comes at its next abort point.
class mutex {
  public:
    constexpr mutex() = default;
    mutex(mutex const&) = delete;
    mutex& operator=(mutex const&) = delete;
    // Dies with a message if a fiber or thread waits.
    RAMIE_API ~mutex();

    // Suspension point. std::system_error (resource_deadlock_would_occur) if the caller holds it already.
    RAMIE_API void lock();
    // Never waits and is not an abort point.
    [[nodiscard]] RAMIE_API bool try_lock() noexcept;
    RAMIE_API void unlock() noexcept;

  protected:
    // For timed_mutex and recursive_mutex. lock() with a limit: false if the time ran out; `what`: the name of the
    // wait.
    [[nodiscard]] RAMIE_API bool lock_limited(detail::waiter& self, detail::time_point limit, char const* what);
    // Always right about the caller itself: only the caller writes its own address here.
    bool held_by(detail::waiter const& self) const noexcept { return owner_.load(std::memory_order_relaxed) == &self; }
    // Dies with a message under that name if a fiber or thread waits.
    RAMIE_API void assert_unwaited(char const* what) noexcept;

  private:
    friend detail::access;
    static constexpr unsigned patience = 4;

    bool lock_slow(detail::waiter& self, detail::time_point limit, char const* what) RAMIE_GIVES_UP(guard_);
    bool lock_in_callback(detail::waiter& self, detail::time_point limit, char const* what) RAMIE_GIVES_UP(guard_);
    void unlock_slow() noexcept RAMIE_GIVES_UP(guard_);
    detail::waiter const* holder() const noexcept { return owner_.load(std::memory_order_relaxed); }
    bool is_free() const noexcept;
    void take() noexcept RAMIE_GIVES_UP(guard_);
    void note_waiters() noexcept RAMIE_UNDER(guard_);
    void spin() const noexcept;

    detail::atomic<std::uint32_t> word_{0};
    detail::word_lock guard_;
    bool waiter_comes_ RAMIE_GUARDED_BY(guard_) = false;  // a waiter was woken to try, and has not tried yet
    detail::wait_queue queue_ RAMIE_GUARDED_BY(guard_);
    detail::atomic<detail::waiter const*> owner_{nullptr};  // to detect a second lock by its holder
};

}  // namespace ramie
