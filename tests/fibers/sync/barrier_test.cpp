// Parties that meet phase by phase.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/barrier.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("barrier: nobody goes on before all have come, phase by phase, and each phase has one leader") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::barrier meet(3);
        int arrived[4] = {}, leaders = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([&, i] {
                for (auto& phase : arrived) {
                    ramie::this_fiber::sleep_for(std::chrono::milliseconds(i * 7 % 3));
                    ++phase;
                    if (meet.arrive_and_wait()) ++leaders;
                    CHECK(phase == 3);
                }
            }));
        }
        carrier.run();
        CHECK(leaders == 4);
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("barrier: the last to arrive runs the completion before anybody goes on, and it may wait") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        ramie::barrier meet(2, [&] {
            trace += '(';
            ramie::this_fiber::sleep_for(1ms);
            trace += ')';
        });
        std::vector<ramie::join_handle<void>> tasks;
        for (char const name : {'a', 'b'}) {
            tasks.push_back(ramie::spawn([&, name] {
                for (int i = 0; i < 2; ++i) {
                    bool const leads = meet.arrive_and_wait();
                    trace += leads ? static_cast<char>(name - 'a' + 'A') : name;
                }
            }));
        }
        carrier.run();
        CHECK(trace.size() == 8);
        CHECK(trace.starts_with("()"));
        CHECK(std::count(trace.begin(), trace.end(), '(') == 2);
        CHECK(trace.find("()", 2) == 4);
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("barrier: one may arrive now and wait later") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::barrier meet(2);
        std::string trace;
        auto early = ramie::spawn([&] {
            auto token = meet.arrive();
            trace += 'a';
            ramie::this_fiber::yield();
            meet.wait(std::move(token));
            trace += 'b';
            meet.wait(meet.arrive(2));  // both for itself: does not wait
            trace += 'c';
        });
        carrier.drain();
        CHECK(trace == "a");
        auto late = ramie::spawn([&] {
            auto token = meet.arrive();
            meet.wait(std::move(token));
        });
        carrier.drain();
        CHECK(trace == "abc");
        early.get();
        late.get();
    });
}

TEST_CASE("barrier: who drops out is expected no more") {
    both_ways([](one_thread_carrier& carrier) {
        int phases = 0;
        ramie::barrier meet(3, [&] { ++phases; });
        auto leaves = ramie::spawn([&] { meet.arrive_and_drop(); });
        std::vector<ramie::join_handle<int>> stay;
        for (int i = 0; i < 2; ++i) {
            stay.push_back(ramie::spawn([&] {
                int led = 0;
                for (int round = 0; round < 3; ++round) led += meet.arrive_and_wait() ? 1 : 0;
                return led;
            }));
        }
        carrier.drain();
        CHECK(phases == 3);
        CHECK(stay[0].get() + stay[1].get() == 3);
        leaves.get();
    });
}

TEST_CASE("barrier: more than are expected is an error") {
    ramie::barrier meet(2);
    CHECK_THROWS_AS((void)meet.arrive(3), std::logic_error);
    CHECK_THROWS_AS((void)meet.arrive(0), std::logic_error);
    CHECK_THROWS_AS(ramie::barrier(-1), std::invalid_argument);
    CHECK_THROWS_AS((void)ramie::barrier(0).arrive(), std::logic_error);
    (void)meet.arrive(2);
}

TEST_CASE("barrier: an abort or a timeout while waiting does not take the arrival back") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::barrier meet(3);
        auto aborted = ramie::spawn([&] { meet.arrive_and_wait(); });
        auto late = ramie::spawn([&] {
            return ramie::timeout(1ms, [&] { meet.arrive_and_wait(); }).has_value();
        });
        carrier.drain();
        aborted.abort();
        carrier.run();
        CHECK(aborted.join().error().is_cancelled());
        CHECK_FALSE(late.get());
        auto last = ramie::spawn([&] { return meet.arrive_and_wait(); });
        carrier.drain();
        REQUIRE(last.is_finished());
        CHECK(last.get());
    });
}

namespace {

// The members meet as long as all are there; the guide watches one of them and takes its place when it is gone.
struct caravan {
    int phases = 0;
    ramie::barrier<std::function<void()>> meet{3, [this] {
                                                   ramie::this_fiber::yield();
                                                   ++phases;
                                               }};
    int arrived = 0;  // the victim's arrivals
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    caravan() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (int round = 0; round < 3; ++round) {
                    ramie::this_fiber::sleep_for(std::chrono::milliseconds(i));
                    auto token = meet.arrive();
                    if (i == 1) ++arrived;
                    meet.wait(std::move(token));
                }
            }));
        }
        victim = tasks[1].abort_handle();
        tasks.push_back(ramie::spawn([this] {
            while (!victim.is_finished()) ramie::this_fiber::sleep_for(1ms);
            while (phases < arrived) ramie::this_fiber::sleep_for(1ms);  // where the victim had arrived already
            for (; arrived < 3; ++arrived) meet.wait(meet.arrive());
        }));
    }
    void check() {
        CHECK(phases == 3);
        for (auto& t : tasks) (void)t.join();
    }
};

}  // namespace

TEST_CASE("barrier: an abort at any step counts as arrived or not, and the others meet when the rest has come") {
    abort_at_each_step<caravan>();
}

TEST_CASE("barrier: plain threads meet, and one leads each time") {
    constexpr int parties = 4, rounds = 200;
    int completed = 0;
    ramie::barrier meet(parties, [&]() noexcept { ++completed; });
    std::atomic<int> leaders = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < parties; ++t) {
        threads.emplace_back([&] {
            for (int i = 1; i <= rounds; ++i) {
                if (meet.arrive_and_wait()) ++leaders;
                CHECK(completed >= i);
                meet.wait(meet.arrive());
            }
        });
    }
    for (auto& t : threads) t.join();
    CHECK(leaders == rounds);
    CHECK(completed == 2 * rounds);
}

TEST_CASE("barrier: destroying one while somebody waits says so") {
    dies_when_destroyed("barrier", std::make_unique<ramie::barrier<>>(2), [](ramie::barrier<>& b) { b.arrive_and_wait(); });
}
