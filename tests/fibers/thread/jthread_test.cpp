// A task with the shape of a std::jthread.
#include "both_ways.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/jthread.hpp>
#include <ramie/mutex.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(std::is_nothrow_default_constructible_v<ramie::jthread> && std::is_nothrow_move_constructible_v<ramie::jthread> &&
              std::is_nothrow_move_assignable_v<ramie::jthread> && !std::is_copy_constructible_v<ramie::jthread>);

namespace {

void until_stopped(std::stop_token stop) {
    ramie::mutex m;
    ramie::condition_variable never;
    std::unique_lock lock(m);
    CHECK_FALSE(never.wait(lock, stop, [] { return false; }));
}

}  // namespace

TEST_CASE("jthread: its end asks the task to stop and waits for it") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto parent = ramie::spawn([&] {
            {
                ramie::jthread t([&](std::stop_token stop, char name) {
                    until_stopped(stop);
                    trace += name;
                    ramie::this_fiber::sleep_for(1ms);
                    trace += 'b';
                }, 'a');
                ramie::this_fiber::yield();
                CHECK(t.joinable());
                CHECK_FALSE(t.get_stop_token().stop_requested());
            }
            trace += 'c';
        });
        carrier.run();
        CHECK(trace == "abc");
        parent.get();
    });
}

TEST_CASE("jthread: a callable that takes no token is just joined") {
    both_ways([](one_thread_carrier& carrier) {
        int sum = 0;
        auto parent = ramie::spawn([&] {
            ramie::jthread a([&] { sum += 1; });
            ramie::jthread b([&](int n) { sum += n; }, 2);
            ramie::jthread c({.name = "third"}, [&](std::stop_token, int n) {
                sum += ramie::this_fiber::name() == "third" ? n : 0;
            }, 4);
        });
        carrier.drain();
        CHECK(sum == 7);
        parent.get();
    });
}

TEST_CASE("jthread: the stop is asked for by hand, once, by it or its source") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::jthread a(until_stopped), b(until_stopped);
            ramie::this_fiber::yield();
            CHECK(a.request_stop());
            CHECK_FALSE(a.request_stop());
            a.join();
            CHECK_FALSE(a.joinable());
            CHECK(b.get_stop_source().request_stop());
            b.join();
            ramie::jthread none;
            CHECK_FALSE(none.request_stop());
            CHECK_FALSE(none.get_stop_token().stop_possible());
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("jthread: its token is its own; an abort of the task requests the task's") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::jthread t([](std::stop_token own) { CHECK(own != ramie::this_fiber::stop_token()); });
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("jthread: assigning to one ends what it had; one that was moved from has nothing") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto parent = ramie::spawn([&] {
            auto const work = [&](std::stop_token stop, char name) {
                until_stopped(stop);
                trace += name;
            };
            ramie::jthread t(work, 'a');
            ramie::jthread u(work, 'b');
            ramie::this_fiber::yield();
            t = std::move(u);
            CHECK(trace == "a");
            CHECK_FALSE(u.joinable());
            swap(t, u);
            CHECK(u.joinable());
            ramie::jthread v(std::move(u));
            CHECK(v.joinable());
        });
        carrier.drain();
        CHECK(trace == "ab");
        parent.get();
    });
}

TEST_CASE("jthread: one that is detached is neither stopped nor waited for") {
    both_ways([](one_thread_carrier& carrier) {
        bool stopped = true;
        auto parent = ramie::spawn([&] {
            ramie::jthread t([&](std::stop_token stop) {
                ramie::this_fiber::sleep_for(1ms);
                stopped = stop.stop_requested();
            });
            t.detach();
        });
        carrier.drain();
        CHECK(parent.is_finished());
        carrier.run();
        CHECK_FALSE(stopped);
        parent.get();
    });
}

TEST_CASE("jthread: an abort that unwinds past one waits for its end, and is not lost") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto parent = ramie::spawn([&] {
            ramie::jthread t([&](std::stop_token stop) {
                until_stopped(stop);
                ramie::this_fiber::sleep_for(1ms);
                trace += 'a';
            });
            ramie::this_fiber::yield();
            t.join();
        });
        carrier.drain();
        parent.abort();
        carrier.run();
        CHECK(trace == "a");
        CHECK(parent.join().error().is_cancelled());
    });
}

TEST_CASE("jthread: an abort that comes while its end is waited for does not cut that short") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto parent = ramie::spawn([&] {
            {
                ramie::jthread t([&](std::stop_token) {
                    ramie::this_fiber::sleep_for(1ms);
                    trace += 'a';
                });
            }
            trace += 'b';
            ramie::this_fiber::abort_point();
            trace += 'c';
        });
        carrier.drain();
        parent.abort();
        carrier.run();
        CHECK(trace == "ab");
        CHECK(parent.join().error().is_cancelled());
    });
}
