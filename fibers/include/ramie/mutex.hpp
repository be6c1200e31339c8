// Mutual exclusion for fibers and plain threads, first come first served among those who wait.
//
// Handing a mutex over to somebody who has to be woken first leaves it locked and idle meanwhile; whoever comes by in
// between waits too, and a queue that formed once never goes: with two workers each turn then takes a park, a wake and
// several cache lines from the other. So if others run beside the first waiter, an unlock frees the mutex and wakes
// him, who may be overtaken; after `patience` times the next unlock hands it over. On a runtime's only worker nobody
// can come in between to any good, and every unlock hands over. The waiter says which, in its node's slot: whoever
// looks at it later may not ask where it runs.
//
//   word_   locked  waiters   changes only under guard_, which costs little to a lane that is alone (bias.hpp)
//     0       -        -      free
//     1       x        -      held
//     3       x        x      held, queue_ has nodes
//     2       -        x      free, queue_ has nodes, and one that was taken off it is on its way (somebody_comes_)
//
// Nobody is forgotten: in state 2 the one on its way takes the mutex, or finds it held by somebody whose unlock finds
// the queue; and a waiter that was woken looks at the mutex before it can be aborted or its time be up.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/lock.hpp>

#include <cstdint>

namespace ramie {

// Meets Lockable, so std::lock_guard, std::unique_lock and std::scoped_lock work. May be held over a suspension and
// unlocked on another worker. Waiters get it in the order in which they came; who does not wait yet may come before
// them a few times while others run beside (above).
//
// On abort or a passed timeout while waiting, lock() throws and the mutex is not held; a waiter to whom it was already
// handed gets it, and the abort comes at its next abort point.
class mutex {
  public:
    constexpr mutex() = default;
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
    static constexpr unsigned patience = 4;

    bool lock_slow(detail::waiter& self, detail::time_point limit, char const* what);
    bool lock_in_callback(detail::waiter& self, detail::time_point limit, char const* what);
    void unlock_slow() noexcept;
    bool is_free() const noexcept;
    void take() noexcept;
    void note_waiters() noexcept;
    void spin() const noexcept;

    detail::atomic<std::uint32_t> word_{0};
    bool somebody_comes_ = false;  // under guard_: was woken to look, and has not looked yet
    detail::word_lock guard_;
    detail::wait_queue queue_;
    detail::atomic<detail::waiter const*> owner_{nullptr};  // to detect a second lock by its holder
};

}  // namespace ramie
