// What only a recursive mutex does. The rest is in mutex_kinds_test and timed_mutex_test.
#include "both_ways.hpp"

#include <ramie/recursive_mutex.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <thread>

using namespace ramie::testing;
using namespace std::chrono_literals;

#define RECURSIVE_KINDS ramie::recursive_mutex, ramie::recursive_timed_mutex

TEST_CASE_TEMPLATE("recursive mutexes: are free after as many unlocks as locks, and not before", M, RECURSIVE_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        int held = 0, seen = -1;
        auto holder = ramie::spawn([&] {
            for (; held < 3; ++held) {
                if (held % 2 == 0) m.lock();
                else CHECK(m.try_lock());
            }
            for (; held > 0; --held) {
                ramie::this_fiber::sleep_for(1ms);
                m.unlock();
            }
        });
        auto other = ramie::spawn([&] {
            std::lock_guard lock(m);
            seen = held;
        });
        carrier.run();
        CHECK(seen == 0);
        holder.get();
        other.get();
    });
}

TEST_CASE_TEMPLATE("recursive mutexes: belong to the task, not to the thread it runs on", M, RECURSIVE_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        auto holder = ramie::spawn([&] {
            std::lock_guard lock(m);
            ramie::this_fiber::sleep_for(1ms);
        });
        auto other = ramie::spawn([&] { CHECK_FALSE(m.try_lock()); });
        carrier.drain();
        CHECK_FALSE(m.try_lock());
        carrier.run();
        holder.get();
        other.get();
    });
}

TEST_CASE_TEMPLATE("recursive mutexes: a lock by the holder is an abort point and leaves the count as it was", M, RECURSIVE_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        ramie::abort_handle self;
        bool thrown = false;
        auto holder = ramie::spawn([&] {
            m.lock();
            self.abort();
            try {
                m.lock();
            } catch (ramie::aborted const&) {
                thrown = true;
            }
            m.unlock();
        });
        self = holder.abort_handle();
        carrier.drain();
        CHECK(thrown);
        CHECK(holder.join().has_value());
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("recursive_timed_mutex: its holder needs no time") {
    ramie::recursive_timed_mutex m;
    m.lock();
    CHECK(m.try_lock_for(0s));
    CHECK(m.try_lock_until(std::chrono::steady_clock::now() - 1s));
    std::thread([&] { CHECK_FALSE(m.try_lock_for(1ms)); }).join();
    for (int i = 0; i < 3; ++i) m.unlock();
    std::thread([&] {
        CHECK(m.try_lock_for(0s));
        m.unlock();
    }).join();
}
