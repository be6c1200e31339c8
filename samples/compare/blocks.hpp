// What the two sums have in common: the blocks that are added up.
#pragma once

#include "arguments.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace sum {

struct plan {
    std::uint64_t blocks;
    std::chrono::milliseconds pause;  // until a block is there
    std::uint64_t bad;                // the block that cannot be read; 0: none
};

inline plan plan_from(int argc, char** argv) {
    auto const [blocks, pause, bad] =
        arguments(argc, argv, {{"BLOCKS", 1, 100'000'000, 1000}, {"PAUSE_MS", 0, 3'600'000, 0},
                               {"BAD_BLOCK", 0, 100'000'000, 0}});
    return {blocks, std::chrono::milliseconds(pause), bad};
}

// Blocks are numbered from 1.
struct range {
    std::uint64_t first, count;
    range left() const { return {first, count / 2}; }
    range right() const { return {first + count / 2, count - count / 2}; }
};

inline void open(std::uint64_t block, plan const& p) {
    if (block == p.bad) throw std::runtime_error("block " + std::to_string(block) + " cannot be read");
}
inline std::uint64_t value_of(std::uint64_t block) { return block * block; }

// Calls run(plan), which returns the sum, and gives main() its exit status.
template <class Run>
int report(plan const& p, Run run) {
    try {
        std::uint64_t const total = run(p);
        std::printf("the sum of %llu blocks is %llu\n", static_cast<unsigned long long>(p.blocks),
                    static_cast<unsigned long long>(total));
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace sum
