// A one-word spin lock for sections of a few instructions: the inside of a wait queue, of a timer heap, of a list.
//
// It may be locked by a fiber and unlocked by whoever runs after that fiber's switch, on the same thread; so it is
// never tied to an owner. Waiting spins briefly and then gives the processor away, because the holder may have been
// preempted. User code never runs while one is held.
//
// Looking takes the word's cache line away from a holder who works on beside it, so each look is twice as far from the
// last one; with two workers at one lock that is three times the throughput (docs/rationale.md).
#pragma once

#include <atomic>
#include <sched.h>

namespace ramie::detail {

inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

class word_lock {
  public:
    word_lock() = default;
    word_lock(word_lock const&) = delete;
    word_lock& operator=(word_lock const&) = delete;

    void lock() noexcept {
        // acquire pairs with the release in unlock().
        if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]] lock_contended();
    }

    [[nodiscard]] bool try_lock() noexcept {
        return !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire);
    }

    // release pairs with the acquire in lock() and try_lock(). The lock is not touched after this store.
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

  private:
    [[gnu::noinline]] void lock_contended() noexcept {
        constexpr int longest_pause = 64;
        int pauses = 1;
        do {
            if (pauses > longest_pause) ::sched_yield();
            else for (int i = 0; i < pauses; ++i) cpu_pause();
            pauses = pauses > longest_pause ? pauses : pauses * 2;
            // acquire as in lock().
        } while (held_.load(std::memory_order_relaxed) || held_.exchange(true, std::memory_order_acquire));
    }

    std::atomic<bool> held_{false};
};

}  // namespace ramie::detail
