// The monitor's rest (idle.md, "The monitor's rest"): it sleeps without looking until a worker moves again.
//
//   a worker                                   the monitor
//   1. says that it is up (seq_cst)            a. word = resting (seq_cst)
//   2. wake(): reads the word (seq_cst); if    b. reads what all workers say (seq_cst); one is up: word = watching
//      it says resting: word = watching,       c. sleeps while the word says resting
//      wakes the monitor
//
// Either 2 sees a, or b sees 1. All else is relaxed: the word carries no data, and what a worker says is read in order by b.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <cstdint>

namespace ramie::detail {

class rest_word {
  public:
    // --- the monitor ---
    bool is_stopped() const noexcept { return word_.load(std::memory_order_relaxed) == stopped; }
    // Until the next look.
    void pause(time_point until) noexcept { (void)futex_wait(word_, watching, until); }
    // Until a worker moves, or `until`. none_moves() asks all of them.
    template <class NoneMoves>
    void rest(time_point until, NoneMoves none_moves) noexcept {
        std::uint32_t expected = watching;
        // seq_cst: step a; pairs with wake().
        if (!word_.compare_exchange_strong(expected, resting, std::memory_order_seq_cst, std::memory_order_relaxed)) return;
        if (!none_moves()) (void)watches_again();
        while (word_.load(std::memory_order_relaxed) == resting && futex_wait(word_, resting, until)) {}
        (void)watches_again();
    }

    // --- any thread ---
    // After it has said that it is up.
    void wake() noexcept {
        if (word_.load(std::memory_order_seq_cst) == resting) rouse();
    }
    void stop() noexcept {
        word_.store(stopped, std::memory_order_relaxed);
        futex_wake(word_);
    }

  private:
    enum : std::uint32_t { watching, resting, stopped };

    void rouse() noexcept {
        if (watches_again()) futex_wake(word_);
    }
    bool watches_again() noexcept {
        std::uint32_t expected = resting;
        return word_.compare_exchange_strong(expected, watching, std::memory_order_relaxed);
    }

    atomic<std::uint32_t> word_{watching};
};

}  // namespace ramie::detail
