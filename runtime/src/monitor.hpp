// Watches for workers that are stuck in one task while work waits, and wakes a sleeping one to take that work over;
// when none sleeps and it is still stuck at the next look, a spare (spare_crew.hpp).
//
// A thread of its own that looks at the workers' pick counters every stall_threshold. When nobody has picked anything
// for a second it sleeps until a worker wakes it, so an idle process is truly idle.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace ramie::detail {

class scheduler;

class monitor {
  public:
    explicit monitor(scheduler& home) : home_(home) {}
    ~monitor() { stop(); }

    void start();
    void stop() noexcept;
    // A worker that was asleep has something to do.
    void wake() noexcept {
        if (state_.load(std::memory_order_seq_cst) == asleep) rouse();
    }
    std::uint64_t stalls() const noexcept { return stalls_.load(std::memory_order_relaxed); }

  private:
    enum : std::uint32_t { watching, asleep, stopped };

    void watch();
    // True if anybody picked something since the last look.
    bool look();
    void rouse() noexcept;
    bool all_asleep() const noexcept;

    scheduler& home_;
    std::thread thread_;
    std::atomic<std::uint32_t> state_{watching};
    std::atomic<std::uint64_t> stalls_{0};
    struct watched {
        std::uint64_t picks = 0;
        unsigned looks_stuck = 0;
        bool stood_in_for = false;
    };
    std::vector<watched> seen_;
};

}  // namespace ramie::detail
