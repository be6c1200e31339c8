// What a task can ask about itself, and its ways to let others run.
#include "both_ways.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("yielding tasks take turns") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto work = [&](char name) {
            for (int i = 0; i < 3; ++i) {
                trace += name;
                ramie::this_fiber::yield();
            }
        };
        auto a = ramie::spawn(work, 'a'), b = ramie::spawn(work, 'b'), c = ramie::spawn(work, 'c');
        carrier.drain();
        CHECK(trace == "abcabcabc");
        a.get();
        b.get();
        c.get();
    });
}

TEST_CASE("yield: lets everybody run who is ready, also those spawned or woken meanwhile") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto sleeper = ramie::spawn([&] {
            ramie::this_fiber::sleep_for(1s);
            trace += 's';
        });
        carrier.drain();
        auto first = ramie::spawn([&] {
            trace += 'a';
            ramie::spawn([&] { trace += 'c'; }).detach();
            carrier.advance(1s);
            ramie::this_fiber::yield();
            trace += 'd';
        });
        auto second = ramie::spawn([&] { trace += 'b'; });
        carrier.drain();
        CHECK(trace == "abcsd");
        sleeper.get();
        first.get();
        second.get();
    });
}

TEST_CASE("yield: alone, it goes on") {
    both_ways([](one_thread_carrier& carrier) {
        int rounds = 0;
        auto task = ramie::spawn([&] {
            for (; rounds < 100; ++rounds) ramie::this_fiber::yield();
        });
        CHECK(carrier.step());
        CHECK(rounds == 100);
        task.get();
    });
}

TEST_CASE("sleep: tasks wake in the order of their deadlines, those with the same one in the order they slept") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto const start = ramie::detail::carrier::now();
        auto const sleep = [&](std::chrono::milliseconds d, char name) {
            ramie::this_fiber::sleep_for(d);
            CHECK(ramie::detail::carrier::now() - start == d);
            trace += name;
        };
        auto a = ramie::spawn(sleep, 30ms, 'a'), b = ramie::spawn(sleep, 10ms, 'b');
        auto c = ramie::spawn(sleep, 20ms, 'c'), d = ramie::spawn(sleep, 10ms, 'd');
        carrier.drain();
        CHECK(trace == "");
        CHECK(carrier.armed() == 4);
        carrier.run();
        CHECK(trace == "bdca");
        for (auto* t : {&a, &b, &c, &d}) t->get();
    });
}

TEST_CASE("sleep: until a time that has come, it lets others run once and arms nothing") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto task = ramie::spawn([&] {
            auto const passed = [&](auto sleep) {
                sleep();
                CHECK(carrier.armed() == 0);
                trace += 'a';
            };
            passed([] { ramie::this_fiber::sleep_for(0s); });
            passed([] { ramie::this_fiber::sleep_for(-1h); });
            passed([] { ramie::this_fiber::sleep_for(std::chrono::hours::min()); });
            passed([] { ramie::this_fiber::sleep_until(ramie::detail::carrier::now()); });
            passed([] { ramie::this_fiber::sleep_until(std::chrono::system_clock::now() - 1h); });
        });
        auto other = ramie::spawn([&] {
            for (int i = 0; i < 5; ++i) {
                trace += 'b';
                ramie::this_fiber::yield();
            }
        });
        carrier.drain();
        CHECK(trace == "bababababa");
        task.get();
        other.get();
    });
}

TEST_CASE("sleep: nanoseconds are kept") {
    both_ways([](one_thread_carrier& carrier) {
        auto const start = ramie::detail::carrier::now();
        auto task = ramie::spawn([] {
            for (int i = 0; i < 3; ++i) ramie::this_fiber::sleep_for(7ns);
        });
        carrier.run();
        CHECK(ramie::detail::carrier::now() - start == 21ns);
        task.get();
    });
}

namespace {

// One frame deeper than its caller.
RAMIE_NOIPA std::size_t stack_left_below() {
    char volatile frame[2000];
    frame[0] = 1;
    return ramie::this_fiber::stack_left() + static_cast<std::size_t>(frame[0] - 1);
}

}  // namespace

TEST_CASE("stack_left: shrinks with depth, and is the same after a suspension") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            auto const here = ramie::this_fiber::stack_left();
            CHECK(here > 50'000);
            CHECK(here <= ramie::detail::default_stack_size);
            CHECK(stack_left_below() + 2000 <= here);
            ramie::this_fiber::yield();
            ramie::this_fiber::sleep_for(1s);
            CHECK(ramie::this_fiber::stack_left() == here);
        });
        auto other = ramie::spawn([] { ramie::this_fiber::yield(); });
        carrier.run();
        task.get();
        other.get();
    });
}

TEST_CASE("this_fiber: each task sees its own id and name over suspensions") {
    both_ways([](one_thread_carrier& carrier) {
        auto const body = [] {
            auto const id = ramie::this_fiber::id();
            auto const name = std::string(ramie::this_fiber::name());
            for (int i = 0; i < 3; ++i) {
                ramie::this_fiber::yield();
                CHECK(ramie::this_fiber::id() == id);
                CHECK(ramie::this_fiber::name() == name);
            }
            return name + std::to_string(id);
        };
        auto a = ramie::spawn({.name = "a"}, body), b = ramie::spawn(body);
        auto const wanted_a = "a" + std::to_string(a.id()), wanted_b = std::to_string(b.id());
        carrier.drain();
        CHECK(a.get() == wanted_a);
        CHECK(b.get() == wanted_b);
    });
}

TEST_CASE("this_fiber: on a plain thread each does the nearest thing") {
    auto const check = [] {
        CHECK(ramie::this_fiber::id() == 0);
        CHECK(ramie::this_fiber::name() == "");
        CHECK(ramie::this_fiber::stack_left() == 0);
        CHECK_FALSE(ramie::this_fiber::stop_token().stop_possible());
        ramie::this_fiber::yield();
        ramie::this_fiber::abort_point();
        ramie::abort_shield const whole;
    };
    check();
    one_thread_carrier carrier;  // a thread with a carrier that is not in a fiber is a plain one
    check();
    std::thread(check).join();
}
