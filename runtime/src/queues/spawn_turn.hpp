// When the oldest spawned tasks get a turn that the order of service alone would not give them.
//
// A worker takes woken tasks before spawned ones, and of the spawned ones the newest: that keeps fork-join depth-first.
// But a spawned task could then wait for ever, behind tasks that keep waking each other, or behind newer spawns. So
// every 61 picks the worker asks here how many of the oldest tasks are to move to its ring, which is served in turn
// with everything else:
//   1. Tasks waited in the deque since the last look, and none of them was taken: woken tasks keep the worker busy. A
//      batch moves at each look, until the deque is served again.
//   2. The deque is served, but the oldest task in it has not moved for the length of `patience`. One task moves. If the
//      deque has not grown by the next look, twice as many move then, up to a batch. If it has grown, the task was the
//      root of a tree, and a tree begun too early costs a stack for each of its open branches: patience doubles.
// (One task moved at every look, whatever becomes of it, is breadth-first again: docs/rationale.md.)
//
// Only for the owner.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ramie::detail {

class spawn_turn {
  public:
    static constexpr std::size_t batch = 16;
    static constexpr std::chrono::milliseconds shortest_patience{1}, longest_patience{16};

    // What the worker sees of its deque.
    struct sight {
        time_point now;
        std::uint64_t served;  // how many tasks its owner ever took
        std::int64_t taken;    // how many were ever taken from the old end
        std::size_t waiting;   // how many are in it
    };
    // How many of the oldest tasks are to move now.
    [[nodiscard]] std::size_t look(sight const& s) noexcept {
        bool const same_oldest = s.taken == oldest_ && waited_ > 0 && s.waiting > 0;
        bool const unserved = same_oldest && s.served == served_;
        bool const grew = s.waiting > waited_;
        served_ = s.served;
        if (!same_oldest) {
            patience_ = shortest_patience;
            return move(s, 0);
        }
        if (unserved) return move(s, batch);
        if (moved_ > 0) {
            if (!grew) return move(s, 2 * moved_);
            patience_ = std::min(2 * patience_, longest_patience);
            return move(s, 0);
        }
        if (s.now - since_ >= patience_) return move(s, 1);
        waited_ = s.waiting;
        return 0;
    }

  private:
    std::size_t move(sight const& s, std::size_t wanted) noexcept {
        moved_ = std::min({wanted, batch, s.waiting});
        waited_ = s.waiting - moved_;
        oldest_ = s.taken + static_cast<std::int64_t>(moved_);
        since_ = s.now;
        return moved_;
    }

    std::uint64_t served_ = 0;
    std::int64_t oldest_ = 0;     // the deque's `taken` after the last look
    std::size_t waited_ = 0;      // how many were in it then
    std::size_t moved_ = 0;       // how many moved then
    time_point since_{};          // when the task that is the oldest now came to the old end
    std::chrono::milliseconds patience_ = shortest_patience;
};

}  // namespace ramie::detail
