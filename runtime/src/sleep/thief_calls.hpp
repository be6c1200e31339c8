// Whether a spawn wakes a sleeping worker to come and take it.
//
// A task that is spawned and joined at once is over before anybody has woken up: then the wake, and the search of whoever
// comes, were in vain. So after a call in vain a spawn that is the only one of its worker calls nobody for a while
// (what a thief who comes late finds instead does not count as a success). It is not lost, for its worker comes by at the
// latest when the spawner waits; if that computes for long instead, the monitor calls a searcher after 10 ms. A second
// spawn beside it calls in any case.
//
// By time, not by number: tiny tasks come by thousands in that while, and large ones lose no more than the while.
//
// The owner's alone.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <chrono>
#include <cstdint>

namespace ramie::detail {

class thief_calls {
  public:
    static constexpr std::chrono::milliseconds pause{4};

    // By a spawn that is alone. `stolen`: how many thieves have had from its deque; `now()`: the time, roughly.
    template <class Clock>
    [[nodiscard]] bool wanted(std::uint64_t stolen, Clock&& now) noexcept {
        if (called_) {  // for one that is not there any more: a thief has it, or its worker
            called_ = false;
            if (stolen == stolen_) quiet_until_ = now() + pause;
        }
        if (quiet_until_ == open) return true;
        if (now() < quiet_until_) return false;
        quiet_until_ = open;
        return true;
    }
    // Then somebody was woken for it.
    void made(std::uint64_t stolen) noexcept {
        called_ = true;
        stolen_ = stolen;
    }

  private:
    static constexpr auto open = time_point::min();

    bool called_ = false;
    std::uint64_t stolen_ = 0;  // when somebody was last called
    time_point quiet_until_ = open;
};

}  // namespace ramie::detail
