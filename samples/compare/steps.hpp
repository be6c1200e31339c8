// What the two pipelines have in common: what is done to the items, and what is said about them.
#pragma once

#include "arguments.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace pipeline {

inline constexpr std::size_t room = 16;  // in each channel

struct item {
    std::uint64_t number = 0;
    std::uint64_t value = 0;
};

struct plan {
    std::uint64_t items, stages;
    std::chrono::milliseconds pause;  // between items
    std::uint64_t bad;                // the item that the stage in the middle refuses; 0: none
};

inline plan plan_from(int argc, char** argv) {
    auto const [items, stages, pause, bad] =
        arguments(argc, argv, {{"ITEMS", 1, 1'000'000'000, 1000}, {"STAGES", 1, 1'000'000, 8},
                               {"PAUSE_MS", 0, 3'600'000, 0}, {"BAD_ITEM", 0, 1'000'000'000, 0}});
    return {items, stages, std::chrono::milliseconds(pause), bad};
}

// The work of one stage, 1 to plan.stages.
inline void work_on(item& i, std::uint64_t stage, plan const& p) {
    if (i.number == p.bad && stage == (p.stages + 1) / 2)
        throw std::runtime_error("stage " + std::to_string(stage) + " refuses item " + std::to_string(i.number));
    i.value = i.value * 31 + stage;
}

// Depends on the order.
inline std::uint64_t added(std::uint64_t checksum, item const& i) { return checksum * 33 + i.value; }

// Calls run(plan), which returns the checksum, and gives main() its exit status.
template <class Run>
int report(plan const& p, Run run) {
    try {
        std::uint64_t const checksum = run(p);
        std::printf("%llu items through %llu stages: %016llx\n", static_cast<unsigned long long>(p.items),
                    static_cast<unsigned long long>(p.stages), static_cast<unsigned long long>(checksum));
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace pipeline
