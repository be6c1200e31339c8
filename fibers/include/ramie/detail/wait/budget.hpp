// How many operations that need not wait a fiber may make before it must let others run.
//
// A lane gives each fiber it switches to a full budget. Every operation that may wait spends from it on entry, whether
// it waits or not. An operation that finds too little left yields first, and checks whether an abort or a deadline is
// to end the fiber. So a loop over channels, locks or sockets that are always ready neither keeps its worker nor runs
// past its timeout. Calls that never wait (try_lock, try_send, notify_one ...) spend nothing. The system preempts a
// plain thread, so with an empty budget a thread only checks its deadline.
#pragma once

#include <cstdint>

namespace ramie::detail {

class fiber_budget {
  public:
    static constexpr std::uint32_t full = 128;
    // A system call takes longer than an operation in memory, and other fibers may become ready meanwhile.
    static constexpr std::uint32_t system_call = 2;

    // True: there was too little left; the budget must be renewed before the next call. (One subtraction.)
    [[nodiscard]] bool spend(std::uint32_t cost) noexcept {
        auto const before = left_;
        left_ = before - cost;
        return before < cost;
    }
    void renew() noexcept { left_ = full; }
    void limit(std::uint32_t operations) noexcept { left_ = operations; }
    // It was renewed, and nothing was spent since.
    bool is_full() const noexcept { return left_ == full; }

  private:
    std::uint32_t left_ = full;
};

}  // namespace ramie::detail
