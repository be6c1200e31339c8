// Three tasks use a primitive under limits that pass in all kinds of order: a scenario for abort_at_each_step.
#pragma once

#include "abort_at_each.hpp"

#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

namespace ramie::testing {

// A Thing says how task `who` (0 to 2) uses it, under a timeout, and what must hold when all have ended. (No wait
// inside a CHECK: doctest would swallow the abort.)
template <class Thing>
struct in_a_hurry {
    Thing thing;
    std::vector<join_handle<void>> tasks;
    ramie::abort_handle victim;

    in_a_hurry() {
        for (int who = 0; who < 3; ++who)
            tasks.push_back(spawn([this, who] {
                for (int k = 0; k < 3; ++k) {
                    (void)timeout(std::chrono::microseconds(500 * ((who + k) % 4)), [&] { thing.use(who); });
                    this_fiber::yield();
                }
            }));
        victim = tasks[1].abort_handle();
    }
    void check() {
        for (auto const& t : tasks) CHECK(t.is_finished());
        thing.check();
    }
};

// Longer than one limit, shorter than the next.
inline void a_while() {
    this_fiber::yield();
    this_fiber::sleep_for(std::chrono::microseconds(600));
}

}  // namespace ramie::testing
