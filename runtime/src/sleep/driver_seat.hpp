// The one place in the driver, and until when the worker in it sleeps. The protocol is in idle.md, "Deadlines" and "The
// driver".
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <algorithm>

namespace ramie::detail {

class driver_seat {
  public:
    // One worker has it at a time. No worker waits for it. acquire pairs with the release in give_back().
    [[nodiscard]] bool try_take() noexcept {
        return !taken_.load(std::memory_order_relaxed) && !taken_.exchange(true, std::memory_order_acquire);
    }
    void give_back() noexcept { taken_.store(false, std::memory_order_release); }

    // --- the worker that has it ---
    // Says until when it sleeps: until `limit`, or the first deadline of all heaps. first_deadline() reads them (seq_cst).
    template <class FirstDeadline>
    time_point announce(time_point limit, FirstDeadline first_deadline) noexcept {
        auto until = limit;
        for (;;) {
            until = std::min(until, first_deadline());
            // seq_cst store, then seq_cst reads: pairs with the arming side.
            until_.store(until.time_since_epoch().count(), std::memory_order_seq_cst);
            if (first_deadline() >= until) return until;
        }
    }
    // relaxed: a thread that reads what was there before interrupts once too often. The next announce() comes after
    // give_back() and try_take().
    void awake() noexcept { until_.store(no_sleeper, std::memory_order_relaxed); }

    // --- any thread ---
    // After a heap has published a deadline (seq_cst): whether the sleeper must be interrupted.
    bool sleeps_beyond(time_point deadline) const noexcept {
        return deadline.time_since_epoch().count() < until_.load(std::memory_order_seq_cst);
    }
    // For the monitor, which looks again: so relaxed is enough.
    bool is_attended() const noexcept { return until_.load(std::memory_order_relaxed) != no_sleeper; }

  private:
    static constexpr time_point::rep no_sleeper = 0;  // earlier than every deadline: there is no sleeper to interrupt

    atomic<bool> taken_{false};
    atomic<time_point::rep> until_{no_sleeper};
};

}  // namespace ramie::detail
