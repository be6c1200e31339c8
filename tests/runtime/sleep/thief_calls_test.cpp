// Whether a spawn calls a sleeping worker: not for a while after a call in vain.
#include "environment.hpp"
#include "sleep/thief_calls.hpp"

#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>

using namespace std::chrono_literals;
using ramie::detail::thief_calls;
using ramie::detail::time_point;

namespace {

struct hand_clock {
    time_point time{};
    int looks = 0;
    time_point operator()() {
        ++looks;
        return time;
    }
};

}  // namespace

TEST_CASE("thief_calls: who was never called in vain calls each time, and looks at no clock") {
    thief_calls calls;
    hand_clock clock;
    for (std::uint64_t stolen = 0; stolen < 10; ++stolen) {
        CHECK(calls.wanted(stolen, clock));
        calls.made(stolen);  // and the next one finds one more stolen
    }
    CHECK(clock.looks == 0);
}

TEST_CASE("thief_calls: after a call in vain there is none for a pause; then one is tried") {
    thief_calls calls;
    hand_clock clock;
    CHECK(calls.wanted(5, clock));
    calls.made(5);
    CHECK_FALSE(calls.wanted(5, clock));  // nobody came
    clock.time += thief_calls::pause - 1ns;
    CHECK_FALSE(calls.wanted(5, clock));
    SUBCASE("what somebody who came too late has taken is no success") {
        CHECK_FALSE(calls.wanted(6, clock));
        CHECK_FALSE(calls.wanted(7, clock));
    }
    clock.time += 1ns;
    CHECK(calls.wanted(7, clock));
    SUBCASE("in vain again: another pause") {
        calls.made(7);
        CHECK_FALSE(calls.wanted(7, clock));
    }
    SUBCASE("taken: as if nothing had been") {
        calls.made(7);
        CHECK(calls.wanted(8, clock));
        calls.made(8);
        CHECK(calls.wanted(9, clock));
    }
}

TEST_CASE("thief_calls: a call that woke nobody, because all are awake, says nothing about the next") {
    thief_calls calls;
    hand_clock clock;
    for (int i = 0; i < 10; ++i) CHECK(calls.wanted(0, clock));
}

TEST_CASE("thief_calls: the spawn that called nobody runs all the same while its spawner computes") {
    ramie::testing::no_forced_migration const unset;
    ramie::run({.workers = 2}, [] {
        for (int i = 0; i < 1000; ++i) ramie::spawn([] {}).get();  // in vain
        for (int round = 0; round < 20; ++round) {
            std::atomic<bool> ran{false};
            auto other = ramie::spawn([&] { ran = true; });
            while (!ran) {}  // without a look at its queues
            other.get();
        }
    });
}
