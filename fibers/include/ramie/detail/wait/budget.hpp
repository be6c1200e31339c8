// How many operations that need not wait a fiber may do before it must let others run.
//
// A lane gives each fiber it switches to a full budget. Every operation that may wait spends from it on entry, waits or
// not; the one that finds too little left yields first, and looks whether an abort or a deadline is to end the fiber. So a
// loop over channels, locks or sockets that are always ready neither keeps its worker nor runs past its timeout. What
// never waits (try_lock, try_send, notify_one ...) spends nothing. A plain thread is preempted by the system, so with an
// empty budget it only looks at its deadline.
#pragma once

#include <cstdint>

namespace ramie::detail {

class fiber_budget {
  public:
    static constexpr std::uint32_t full = 128;
    // A system call takes longer than an operation in memory, and others may become ready meanwhile.
    static constexpr std::uint32_t system_call = 2;

    // True: there was too little left, and the budget is to be renewed before it is asked again. (One subtraction.)
    [[nodiscard]] bool spend(std::uint32_t cost) noexcept {
        auto const before = left_;
        left_ = before - cost;
        return before < cost;
    }
    void renew() noexcept { left_ = full; }
    // It was renewed, and nothing was spent since.
    bool is_full() const noexcept { return left_ == full; }

  private:
    std::uint32_t left_ = full;
};

}  // namespace ramie::detail
