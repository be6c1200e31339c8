// A set of tasks, joined as they finish.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/join_set.hpp>
#include <ramie/select.hpp>
#include <ramie/notify.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <algorithm>
#include <new>
#include <stdexcept>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("join_set: results come in the order in which tasks finish") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            for (int const ms : {30, 10, 20}) {
                set.spawn([ms] {
                    ramie::this_fiber::sleep_for(std::chrono::milliseconds(ms));
                    return ms;
                });
            }
            std::vector<int> order;
            while (auto next = set.join_next()) order.push_back(next->value());
            return order;
        });
        carrier.run();
        CHECK(owner.get() == std::vector<int>{10, 20, 30});
    });
}

TEST_CASE("join_set: an empty set has no next, and try_join_next never waits") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            CHECK_FALSE(set.join_next().has_value());
            ramie::notify go;
            set.spawn([&] {
                go.wait();
                return 1;
            });
            CHECK_FALSE(set.try_join_next().has_value());
            CHECK(set.size() == 1);
            go.notify_one();
            ramie::this_fiber::sleep_for(1ms);
            CHECK(set.try_join_next()->value() == 1);
            CHECK(set.empty());
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: a task's exception and its abort are its results") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            set.spawn([]() -> int { throw std::runtime_error("no"); });
            CHECK(set.join_next()->error().is_exception());
            auto handle = set.spawn([] {
                ramie::this_fiber::sleep_for(1h);
                return 1;
            });
            handle.abort();
            CHECK(set.join_next()->error().is_cancelled());
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: abort_all while some have finished keeps what they returned") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            for (int i = 0; i < 10; ++i) {
                set.spawn([i] {
                    if (i >= 4) ramie::this_fiber::sleep_for(1h);
                    return i;
                });
            }
            ramie::this_fiber::sleep_for(1ms);
            set.abort_all();
            int values = 0, cancelled = 0;
            for (auto const& result : set.join_all()) ++(result ? values : cancelled);
            CHECK(values == 4);
            CHECK(cancelled == 6);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: destroying it aborts its tasks and waits for them; their destructors run") {
    both_ways([](one_thread_carrier& carrier) {
        auto const before = tracked::alive();
        auto owner = ramie::spawn([] {
            ramie::join_set<void> set;
            for (int i = 0; i < 3; ++i) set.spawn([held = tracked(i)] { ramie::this_fiber::sleep_for(1h); });
            set.spawn([] {});  // not started yet when the set goes
        });
        carrier.drain();
        CHECK(owner.is_finished());
        CHECK(carrier.live() == 0);
        CHECK(tracked::alive() == before);
        owner.get();
    });
}

TEST_CASE("join_set: an owner aborted in join_next leaves no task behind") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<void> set;
            set.spawn([] { ramie::this_fiber::sleep_for(1h); });
            (void)set.join_next();
        });
        carrier.drain();
        owner.abort();
        carrier.drain();
        CHECK(owner.join().error().is_cancelled());
        CHECK(carrier.live() == 0);
    });
}

TEST_CASE("join_set: a join_next that ran out of time has lost no result") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            set.spawn([] {
                ramie::this_fiber::sleep_for(10ms);
                return 5;
            });
            CHECK_FALSE(ramie::timeout(1ms, [&] { return set.join_next(); }).has_value());
            CHECK(set.size() == 1);
            CHECK(set.join_next()->value() == 5);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: detach_all lets its tasks go on") {
    both_ways([](one_thread_carrier& carrier) {
        int ended = 0;
        auto owner = ramie::spawn([&] {
            ramie::join_set<void> set;
            for (int i = 0; i < 3; ++i)
                set.spawn([&] {
                    ramie::this_fiber::sleep_for(1ms);
                    ++ended;
                });
            set.detach_all();
            CHECK(set.empty());
        });
        carrier.run();
        CHECK(ended == 3);
        owner.get();
    });
}

TEST_CASE("join_set: a spawn that there is no memory for leaves nothing in it, and the others are joined") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([&] {
            ramie::join_set<int> set;
            set.spawn([] { return 1; });
            carrier.refuse_tasks(true);
            for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(set.spawn([] { return 2; }), std::bad_alloc);
            carrier.refuse_tasks(false);
            CHECK(set.size() == 1);
            CHECK_FALSE(set.try_join_next().has_value());
            CHECK(set.join_next()->value() == 1);
            set.spawn([] { return 3; });
            CHECK(set.join_next()->value() == 3);
            CHECK_FALSE(set.join_next().has_value());
        });
        carrier.drain();
        owner.get();
    });
}

TEST_CASE("join_set: it can be moved with its tasks") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> first;
            first.spawn([] { return 1; });
            auto second = std::move(first);
            CHECK(first.empty());
            first.spawn([] { return 2; });
            CHECK(second.join_next()->value() == 1);
            second = std::move(first);
            CHECK(second.join_next()->value() == 2);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: select takes its next as a case, and only if that case wins") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([] {
            ramie::join_set<int> set;
            set.spawn([] {
                ramie::this_fiber::sleep_for(10ms);
                return 7;
            });
            int got = 0;
            auto const next = [&](auto result) { got = result ? result->value() : -1; };
            CHECK(ramie::select(ramie::on_join_next(set, next), ramie::on_sleep(1ms, [] {})) == 1);
            CHECK(set.size() == 1);
            CHECK(ramie::select(ramie::on_join_next(set, next), ramie::on_sleep(1h, [] {})) == 0);
            CHECK(got == 7);
            CHECK(ramie::select(ramie::on_join_next(set, next), ramie::on_sleep(1h, [] {})) == 0);
            CHECK(got == -1);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("join_set: members that leave in any order take nobody's place") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::join_set<int> set;
        std::vector<int> const order{3, 0, 5, 1, 4, 2};  // who ends when
        for (std::size_t i = 0; i < order.size(); ++i)
            set.spawn([&order, i] {
                auto const turn = std::find(order.begin(), order.end(), static_cast<int>(i)) - order.begin();
                ramie::this_fiber::sleep_for(std::chrono::milliseconds(turn));
                return static_cast<int>(i);
            });
        auto joiner = ramie::spawn([&] {
            std::vector<int> got;
            for (int half = 0; half < 3; ++half) got.push_back(set.join_next()->value());
            set.spawn([] { return 6; });
            while (auto next = set.join_next()) got.push_back(next->value());
            return got;
        });
        carrier.run();
        auto got = joiner.get();
        CHECK(set.empty());
        std::erase(got, 6);
        CHECK(got == order);
    });
}
