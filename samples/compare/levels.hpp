// What the two depths have in common: how deep the calls go, and which of them wait.
#pragma once

#include "arguments.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace depth {

struct plan {
    std::uint64_t calls;       // of each task
    std::uint64_t levels;      // between the task and the function that waits
    std::uint64_t wait_every;  // of the calls, one of so many waits; 0: none
    std::uint64_t tasks;
    std::chrono::milliseconds pause;  // how long a wait is; 0: until the others had a turn

    bool waits(std::uint64_t call) const { return wait_every != 0 && call % wait_every == 0; }
};

inline plan plan_from(int argc, char** argv) {
    auto const [calls, levels, wait_every, tasks, pause] =
        arguments(argc, argv, {{"CALLS", 1, 1'000'000'000, 1000}, {"LEVELS", 0, 500, 20},
                               {"WAIT_EVERY", 0, 1'000'000'000, 1}, {"TASKS", 1, 1'000'000, 2},
                               {"PAUSE_MS", 0, 3'600'000, 0}});
    return {calls, levels, wait_every, tasks, std::chrono::milliseconds(pause)};
}

// What one level adds to what the level below returned.
inline std::uint64_t mixed(std::uint64_t value, std::uint64_t level) {
    asm volatile("" : "+r"(value));  // or the compiler makes a loop of the calls
    return value * 31 + level;
}

inline int report(plan const& p, std::uint64_t checksum) {
    std::printf("%llu tasks, %llu calls through %llu levels: %016llx\n", static_cast<unsigned long long>(p.tasks),
                static_cast<unsigned long long>(p.calls), static_cast<unsigned long long>(p.levels),
                static_cast<unsigned long long>(checksum));
    return 0;
}

}  // namespace depth
