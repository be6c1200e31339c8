// A small spin lock for sections of a few instructions: the inside of a wait queue, of a timer heap, of a list.
//
// A fiber may lock it, and the code that runs after that fiber's switch, on the same thread, may unlock it; so it is
// never tied to a fiber. A waiter spins briefly and then gives the processor away, because the holder may have been
// preempted. User code never runs while one is held.
//
// A lane that is alone in its runtime adopts the locks it takes (bias.hpp): it holds such a lock by being inside, and
// does not touch held_. Another thread first acquires held_, then revokes the owner's bias.
//
// Each look at the word takes its cache line away from a holder that works on another processor. So each pause between
// looks is twice as long as the last one; with two workers at one lock that is three times the throughput
// (docs/rationale.md).
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/fence/lock_rules.hpp>
#include <ramie/detail/fence/pause.hpp>

namespace ramie::detail {

class RAMIE_A_LOCK word_lock {
  public:
    constexpr word_lock() = default;
    word_lock(word_lock const&) = delete;
    word_lock& operator=(word_lock const&) = delete;

    [[gnu::always_inline]] void lock() noexcept RAMIE_TAKES() {
        auto const me = this_bias();
        if (!bias_.enter(me)) lock_as_others_do(me);
    }

    // The lock is not touched after the store. (A holder that finds the owner inside is itself the owner.)
    void unlock() noexcept RAMIE_GIVES_UP() {
        if (bias_.is_inside()) bias_.leave();
        else held_.store(false, std::memory_order_release);  // pairs with the acquire in lock_as_others_do()
    }

  private:
    void lock_as_others_do(lane_number me) noexcept {
        // acquire pairs with the release in unlock().
        if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]] lock_contended();
        bias_.exclude_owner(me);
    }

    [[gnu::noinline]] void lock_contended() noexcept {
        constexpr int longest_pause = usual_or_in_model(64, 1);
        int pauses = 1;
        do {
            if (pauses > longest_pause) give_processor_away();
            else for (int i = 0; i < pauses; ++i) cpu_pause();
            pauses = pauses > longest_pause ? pauses : pauses * 2;
            // acquire as in lock_as_others_do().
        } while (held_.load(std::memory_order_relaxed) || held_.exchange(true, std::memory_order_acquire));
    }

    bias bias_;
    atomic<bool> held_{false};
};

// std::lock_guard, as clang's check of lock rules knows it.
class RAMIE_A_GUARD [[nodiscard]] word_guard {
  public:
    explicit word_guard(word_lock& lock) noexcept RAMIE_TAKES(lock) : lock_(lock) { lock_.lock(); }
    word_guard(word_guard const&) = delete;
    word_guard& operator=(word_guard const&) = delete;
    ~word_guard() RAMIE_GIVES_UP() { lock_.unlock(); }

  private:
    word_lock& lock_;
};

}  // namespace ramie::detail
