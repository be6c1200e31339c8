// A count that goes down once, and waits for its end.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <cstddef>
#include <limits>

namespace ramie {

// As std::latch. From fibers and plain threads. A caller that has returned from wait() may destroy it.
class latch {
  public:
    // std::invalid_argument if negative.
    constexpr explicit latch(std::ptrdiff_t expected) : left_(expected) {
        if (expected < 0) refuse();
    }
    latch(latch const&) = delete;
    latch& operator=(latch const&) = delete;
    // Dies with a message if a fiber or thread waits.
    RAMIE_API ~latch();

    static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

    // Never waits and is not an abort point. std::logic_error if fewer than `n` are left.
    RAMIE_API void count_down(std::ptrdiff_t n = 1);
    // True once the count is zero.
    [[nodiscard]] RAMIE_API bool try_wait() const noexcept;
    // Suspension point. An abort leaves the count as it is.
    RAMIE_API void wait() const;
    // Suspension point. If an abort is pending on entry, nothing is counted down; an abort that comes later does not
    // take the count back.
    RAMIE_API void arrive_and_wait(std::ptrdiff_t n = 1);

  private:
    [[noreturn]] RAMIE_API static void refuse();

    detail::atomic<std::ptrdiff_t> left_;  // changes only under guard_
    mutable detail::word_lock guard_;
    mutable detail::wait_queue queue_;
};

}  // namespace ramie
