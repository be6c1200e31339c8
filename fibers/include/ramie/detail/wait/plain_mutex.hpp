// The runtime's own sleeping lock: it blocks the thread, and does nothing else. std::mutex is a pthread_mutex_t; with
// libramie-hook in the process, a fiber that waits for one is parked. The runtime, which runs on that fiber's stack in
// the middle of its own work, must not be parked.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <cstdint>

namespace ramie::detail {

class plain_mutex {
  public:
    constexpr plain_mutex() = default;
    plain_mutex(plain_mutex const&) = delete;
    plain_mutex& operator=(plain_mutex const&) = delete;

    void lock() noexcept {
        if (!try_lock()) lock_contended();
    }
    bool try_lock() noexcept {
        std::uint32_t expected = open;
        // acquire pairs with the release in unlock().
        return word_.compare_exchange_strong(expected, held, std::memory_order_acquire, std::memory_order_relaxed);
    }
    // The mutex may be gone after the exchange; futex_wake() uses only its address.
    void unlock() noexcept {
        // release pairs with the acquires in try_lock() and lock_contended().
        if (word_.exchange(open, std::memory_order_release) == held_and_wanted) futex_wake(word_);
    }

  private:
    enum : std::uint32_t { open, held, held_and_wanted };

    // A thread that has slept takes the mutex as wanted, because others may still sleep.
    void lock_contended() noexcept {
        // acquire pairs with the release in unlock().
        while (word_.exchange(held_and_wanted, std::memory_order_acquire) != open)
            (void)futex_wait(word_, held_and_wanted);
    }

    atomic<std::uint32_t> word_{open};
};

}  // namespace ramie::detail
