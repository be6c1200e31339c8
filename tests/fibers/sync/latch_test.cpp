// A count that goes down once.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/latch.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("latch: all wait until the count is zero, and afterwards nobody") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::latch gate(3);
        int through = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 4; ++i) {
            tasks.push_back(ramie::spawn([&] {
                gate.wait();
                ++through;
            }));
        }
        carrier.drain();
        gate.count_down();
        carrier.drain();
        CHECK(through == 0);
        CHECK_FALSE(gate.try_wait());
        gate.count_down(2);
        carrier.drain();
        CHECK(through == 4);
        CHECK(gate.try_wait());
        gate.wait();
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("latch: arrive_and_wait counts down and waits for the others") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::latch gate(3);
        int here = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([&] {
                ++here;
                gate.arrive_and_wait();
                CHECK(here == 3);
            }));
        }
        carrier.drain();
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("latch: of zero lets all through; below zero is an error") {
    ramie::latch open(0);
    open.wait();
    CHECK(open.try_wait());
    CHECK_THROWS_AS(open.count_down(), std::logic_error);
    open.count_down(0);
    ramie::latch two(2);
    CHECK_THROWS_AS(two.count_down(3), std::logic_error);
    CHECK_THROWS_AS(ramie::latch(-1), std::invalid_argument);
    two.count_down(2);
}

TEST_CASE("latch: may be destroyed by the first who is through") {
    both_ways([](one_thread_carrier& carrier) {
        std::optional<ramie::latch> gate(std::in_place, 1);
        int through = 0;
        auto first = ramie::spawn([&] {
            gate->wait();
            gate.reset();
            ++through;
        });
        auto second = ramie::spawn([&] {
            gate->wait();
            ++through;
        });
        carrier.drain();
        gate->count_down();
        carrier.drain();
        CHECK(through == 2);
        first.get();
        second.get();
    });
}

TEST_CASE("latch: a timeout ends a wait and leaves the count") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::latch gate(1);
        auto task = ramie::spawn([&] {
            CHECK_FALSE(ramie::timeout(1ms, [&] { gate.wait(); }).has_value());
            CHECK_FALSE(gate.try_wait());
            gate.count_down();
            CHECK(ramie::timeout(0s, [&] { gate.wait(); }).has_value());
        });
        carrier.run();
        task.get();
    });
}

namespace {

// Each arrives twice; when the victim is gone, somebody arrives in its place.
struct two_gates {
    ramie::latch first{3}, second{3};
    int arrived = 0;  // the victim's arrivals
    std::size_t through = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    two_gates() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (auto* gate : {&first, &second}) {
                    ramie::this_fiber::sleep_for(std::chrono::milliseconds(i));
                    gate->count_down();
                    if (i == 1) ++arrived;
                    gate->wait();
                    if (i != 1) ++through;
                }
            }));
        }
        victim = tasks[1].abort_handle();
        tasks.push_back(ramie::spawn([this] {
            while (!victim.is_finished()) ramie::this_fiber::sleep_for(1ms);
            if (arrived < 1) first.count_down();
            if (arrived < 2) second.count_down();
        }));
    }
    void check() {
        CHECK(through == 4);
        CHECK((first.try_wait() && second.try_wait()));
        for (auto& t : tasks) (void)t.join();
    }
};

}  // namespace

TEST_CASE("latch: an abort at any step leaves it usable for the others") { abort_at_each_step<two_gates>(); }

TEST_CASE("latch: a wait that is aborted takes nobody else along") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::latch gate(1);
        int through = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([&] {
                gate.wait();
                ++through;
            }));
        }
        carrier.drain();
        tasks[0].abort();  // waits
        gate.count_down();
        tasks[1].abort();  // was let through: goes on until its next abort point
        carrier.drain();
        CHECK(through == 2);
        CHECK(tasks[0].join().error().is_cancelled());
        CHECK(tasks[1].join().has_value());
        tasks[2].get();
    });
}

TEST_CASE("latch: plain threads meet at one") {
    for (int round = 0; round < 100; ++round) {
        ramie::latch gate(3);
        std::atomic<int> here = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&] {
                ++here;
                gate.arrive_and_wait();
                CHECK(here == 3);
            });
        }
        for (auto& t : threads) t.join();
    }
}

TEST_CASE("latch: destroying one while somebody waits says so") {
    dies_when_destroyed("latch", std::make_unique<ramie::latch>(1), [](ramie::latch& gate) { gate.wait(); });
}
