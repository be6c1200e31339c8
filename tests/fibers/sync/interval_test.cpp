// interval: when its ticks come, what becomes of missed ones, and that none is lost.
#include "both_ways.hpp"

#include <ramie/channel.hpp>
#include <ramie/interval.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <ratio>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::interval;
using ramie::missed_tick_policy;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

auto const ignore = [](auto&&...) {};
auto now() { return ramie::detail::carrier::now(); }

// Runs f() as a task until all have ended.
template <class F>
void as_task(one_thread_carrier& carrier, F&& f) {
    auto task = ramie::spawn(std::forward<F>(f));
    carrier.run();
    task.get();
}

// When a tick was due and when it came, in milliseconds after `start`.
using tick = std::pair<long, long>;

tick next(interval& each, interval::time_point start) {
    auto const due = each.tick();
    return {(due - start) / 1ms, (now() - start) / 1ms};
}

// Takes the first tick at 0, then looks away until 35 ms, then takes as many as `count`. The period is 10 ms.
std::vector<tick> ticks_after_a_pause(missed_tick_policy policy, int count) {
    interval each(10ms);
    each.set_missed_tick_policy(policy);
    CHECK(each.policy() == policy);
    auto const start = now();
    std::vector<tick> all{next(each, start)};
    ramie::this_fiber::sleep_for(35ms);
    while (count-- > 0) all.push_back(next(each, start));
    return all;
}

}  // namespace

TEST_CASE("interval: the first tick comes at once, the others a period apart, and each says when it was due") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [&] {
            interval each(10ms);
            CHECK(each.period() == 10ms);
            auto const start = now();
            CHECK(next(each, start) == tick{0, 0});
            CHECK(next(each, start) == tick{10, 10});
            ramie::this_fiber::sleep_for(4ms);
            CHECK(next(each, start) == tick{20, 20});
            CHECK(next(each, start) == tick{30, 30});
        });
    });
}

TEST_CASE("interval: with a start, the first tick comes then") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [&] {
            auto const start = now();
            interval each(start + 25ms, 10ms);
            CHECK(next(each, start) == tick{25, 25});
            CHECK(next(each, start) == tick{35, 35});
        });
    });
}

TEST_CASE("interval: burst takes missed ticks at once until it has caught up; it is what happens if nothing is said") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            CHECK(interval(1s).policy() == missed_tick_policy::burst);
            CHECK(ticks_after_a_pause(missed_tick_policy::burst, 5) ==
                  std::vector<tick>{{0, 0}, {10, 35}, {20, 35}, {30, 35}, {40, 40}, {50, 50}});
        });
    });
}

TEST_CASE("interval: delay starts anew from a missed tick") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            CHECK(ticks_after_a_pause(missed_tick_policy::delay, 3) ==
                  std::vector<tick>{{0, 0}, {10, 35}, {45, 45}, {55, 55}});
        });
    });
}

TEST_CASE("interval: skip leaves missed ticks out and keeps the pace") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            CHECK(ticks_after_a_pause(missed_tick_policy::skip, 3) ==
                  std::vector<tick>{{0, 0}, {10, 35}, {40, 40}, {50, 50}});
        });
    });
}

TEST_CASE("interval: a tick taken up to 5 ms late is not a missed one, so that small delays do not add up") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            for (auto const policy : {missed_tick_policy::burst, missed_tick_policy::delay, missed_tick_policy::skip}) {
                interval each(10ms);
                each.set_missed_tick_policy(policy);
                auto const start = now();
                CHECK(next(each, start) == tick{0, 0});
                ramie::this_fiber::sleep_for(15ms);
                CHECK(next(each, start) == tick{10, 15});
                CHECK(next(each, start) == tick{20, 20});
            }
        });
    });
}

TEST_CASE("interval: with a period below 5 ms, a tick is missed when it is more than a period late") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            interval each(2ms);
            each.set_missed_tick_policy(missed_tick_policy::delay);
            auto const start = now();
            CHECK(next(each, start) == tick{0, 0});
            ramie::this_fiber::sleep_for(4ms);
            CHECK(next(each, start) == tick{2, 4});
            CHECK(next(each, start) == tick{4, 4});
            ramie::this_fiber::sleep_for(5ms);
            CHECK(next(each, start) == tick{6, 9});
            CHECK(next(each, start) == tick{11, 11});
        });
    });
}

TEST_CASE("interval: the resets move the next tick, and the others follow it") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            auto const start = now();
            interval each(10ms);
            each.reset();
            CHECK(next(each, start) == tick{10, 10});
            ramie::this_fiber::sleep_for(3ms);
            each.reset_immediately();
            CHECK(next(each, start) == tick{13, 13});
            each.reset_after(2ms);
            CHECK(next(each, start) == tick{15, 15});
            each.reset_at(start + 100ms);
            CHECK(next(each, start) == tick{100, 100});
            CHECK(next(each, start) == tick{110, 110});
        });
    });
}

TEST_CASE("interval: a tick that is timed out or aborted is not consumed") {
    both_ways([](one_thread_carrier& carrier) {
        auto const start = now();
        interval each(start + 10ms, 10ms);
        auto task = ramie::spawn([&] {
            CHECK_FALSE(ramie::timeout(4ms, [&] { each.tick(); }).has_value());
            CHECK_FALSE(ramie::timeout(4ms, [&] { each.tick(); }).has_value());
            auto waiting = ramie::spawn([&] { each.tick(); });
            ramie::this_fiber::yield();
            CHECK(waiting.abort_and_join().error().is_cancelled());
            CHECK(next(each, start) == tick{10, 10});
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("interval: a tick that is due wins over a timeout, but not over an abort") {
    both_ways([](one_thread_carrier& carrier) {
        auto const start = now();
        interval each(10ms);
        as_task(carrier, [&] { CHECK(ramie::timeout_at(start - 1ms, [&] { return each.tick(); }).value() == start); });
        each.reset_immediately();
        bool aborted = false;
        ramie::join_handle<void> task;
        task = ramie::spawn([&] {
            task.abort();
            try {
                each.tick();
            } catch (ramie::aborted const&) {
                aborted = true;
                throw;
            }
        });
        carrier.run();
        CHECK(aborted);
        CHECK(each.tick() == start);
    });
}

TEST_CASE("interval: a period that is not greater than zero is refused by name") {
    for (auto const bad : {0ns, -1ns, nanoseconds::min()}) {
        CHECK_THROWS_WITH_AS(interval{bad}, "ramie: interval: the period must be greater than zero",
                             std::invalid_argument);
        CHECK_THROWS_AS(interval(std::chrono::steady_clock::now(), bad), std::invalid_argument);
    }
    using real_seconds = std::chrono::duration<double>;
    CHECK_THROWS_AS(interval{real_seconds(std::numeric_limits<double>::quiet_NaN())}, std::invalid_argument);
}

TEST_CASE("interval: a period of any kind of duration; too long is never, too short is a nanosecond") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            CHECK(interval(std::chrono::duration<int, std::pico>(1)).period() == 1ns);
            CHECK(interval(std::chrono::duration<double>(0.5)).period() == 500ms);
            interval each(std::chrono::hours::max());
            auto const start = now();
            CHECK(each.tick() == start);
            CHECK(ramie::select(ramie::on_tick(each, ignore), ramie::on_sleep(1h, ignore)) == 1);
        });
    });
}

TEST_CASE("interval: on_tick takes the tick if it wins, and leaves it if it loses") {
    both_ways([](one_thread_carrier& carrier) {
        as_task(carrier, [] {
            auto [tx, rx] = ramie::channel<int>(1);
            auto const start = now();
            interval each(start, 10ms);
            std::vector<tick> taken;
            auto const keep = [&](interval::time_point due) {
                taken.push_back({(due - start) / 1ms, (now() - start) / 1ms});
            };
            CHECK(ramie::select(ramie::on_tick(each, keep), ramie::otherwise(ignore)) == 0);
            CHECK(ramie::select(ramie::on_tick(each, keep), ramie::otherwise(ignore)) == 1);
            CHECK(tx.send(1));
            CHECK(ramie::select(ramie::on_tick(each, keep), ramie::on_receive(rx, ignore)) == 1);
            CHECK(ramie::select(ramie::on_tick(each, keep), ramie::on_receive(rx, ignore)) == 0);
            ramie::this_fiber::sleep_for(10ms);
            CHECK(tx.send(2));
            CHECK(ramie::select_biased(ramie::on_receive(rx, ignore), ramie::on_tick(each, keep)) == 0);
            CHECK(ramie::select_biased(ramie::on_receive(rx, ignore), ramie::on_tick(each, keep)) == 1);
            CHECK(taken == std::vector<tick>{{0, 0}, {10, 10}, {20, 20}});
        });
    });
}

TEST_CASE("interval: a plain thread may tick, too") {
    std::thread([] {
        auto const start = std::chrono::steady_clock::now();
        interval each(2ms);
        auto const first = each.tick();
        CHECK(first >= start);
        for (int i = 1; i <= 3; ++i) {
            CHECK(each.tick() == first + i * 2ms);
            CHECK(std::chrono::steady_clock::now() >= first + i * 2ms);
        }
        ramie::select(ramie::on_tick(each, [&](auto due) { CHECK(due == first + 8ms); }), ramie::on_sleep(1h, ignore));
    }).join();
}
