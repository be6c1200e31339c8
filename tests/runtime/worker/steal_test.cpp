// What a worker without work takes from one that has a lot.
#include "environment.hpp"

#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

using ramie::testing::no_forced_migration;

TEST_CASE("steals: where hundreds of new tasks wait a thief takes up to seventeen at once, where few wait one") {
    no_forced_migration const unset;
    struct {
        int waiting;
        std::uint64_t taken;
    } const cases[] = {{2, 1}, {32, 1}, {33, 2}, {330, 11}, {513, 17}, {2000, 17}};
    for (auto const& c : cases) {
        CAPTURE(c.waiting);
        ramie::runtime rt({.workers = 2, .stall_threshold = std::chrono::minutes(1)});  // no spare worker
        auto const taken = rt.block_on([&] {
            // Neither of us two waits or yields: each keeps its worker, and the other one's is the thief.
            std::atomic<bool> other_is_busy{false}, go{false};
            std::atomic<std::uint64_t> seen{0};
            auto other = ramie::spawn([&] {
                other_is_busy = true;
                while (!go) ramie::detail::cpu_pause();
            });
            while (!other_is_busy) ramie::detail::cpu_pause();
            auto const before = rt.metrics().steals;
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < c.waiting; ++i) {
                tasks.push_back(ramie::spawn([&] {
                    std::uint64_t nobody_yet = 0;
                    seen.compare_exchange_strong(nobody_yet, rt.metrics().steals - before);
                }));
            }
            go = true;
            while (seen == 0) ramie::detail::cpu_pause();
            other.get();
            for (auto& t : tasks) t.get();
            return seen.load();
        });
        CHECK(taken == c.taken);
    }
}
