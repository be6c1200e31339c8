// Whether a spawn wakes a sleeping worker to steal the task.
//
// A task that is spawned and joined at once is over before a worker has woken up: then the wake, and the search by the
// woken worker, were in vain. So after a call in vain, a spawn that is the only one of its worker calls no thief for a
// while (if a late thief finds another task instead, that is no success). The task is not lost: its own worker takes it
// at the latest when the spawner waits; if the spawner computes for long instead, the monitor calls a searcher after 10
// ms. A second spawn beside it always calls.
//
// By time, not by number: thousands of tiny tasks come in that time, and large ones lose no more than that time.
//
// Only for the owner.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <chrono>
#include <cstdint>

namespace ramie::detail {

class thief_calls {
  public:
    static constexpr std::chrono::milliseconds pause{4};

    // For a spawn that is the only one. `stolen`: how many tasks thieves have taken from its deque; `now()`: the time,
    // roughly.
    template <class Clock>
    [[nodiscard]] bool wanted(std::uint64_t stolen, Clock&& now) noexcept {
        if (called_) {  // the task of the last call is gone: a thief has it, or its worker
            called_ = false;
            if (stolen == stolen_) quiet_until_ = now() + pause;
        }
        if (quiet_until_ == open) return true;
        if (now() < quiet_until_) return false;
        quiet_until_ = open;
        return true;
    }
    // Then a worker was woken for it.
    void made(std::uint64_t stolen) noexcept {
        called_ = true;
        stolen_ = stolen;
    }

  private:
    static constexpr auto open = time_point::min();

    bool called_ = false;
    std::uint64_t stolen_ = 0;  // at the last call
    time_point quiet_until_ = open;
};

}  // namespace ramie::detail
