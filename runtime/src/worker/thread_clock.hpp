// How much a thread has computed, read from other threads: the clock of a thread that is blocked in the kernel stands
// still.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <chrono>
#include <ctime>
#include <pthread.h>

namespace ramie::detail {

class thread_clock {
  public:
    // From now on this is the calling thread's clock.
    void bind() noexcept {
        clockid_t mine;
        if (::pthread_getcpuclockid(::pthread_self(), &mine) == 0) clock_.store(mine, std::memory_order_relaxed);
    }
    // Zero if it cannot be known, as for a thread that has ended.
    std::chrono::nanoseconds read() const noexcept {
        timespec used{};
        auto const clock = clock_.load(std::memory_order_relaxed);
        if (clock == of_no_thread || ::clock_gettime(clock, &used) != 0) return {};
        return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    }

  private:
    static constexpr clockid_t of_no_thread = CLOCK_REALTIME;  // no thread's clock

    atomic<clockid_t> clock_{of_no_thread};
};

}  // namespace ramie::detail
