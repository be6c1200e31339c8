// Waiting for a mutex with a limit: timed_mutex, recursive_timed_mutex, and shared_mutex for its writers.
#include "abort_at_each.hpp"
#include "both_ways.hpp"

#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

#define TIMED_KINDS ramie::timed_mutex, ramie::recursive_timed_mutex, ramie::shared_mutex

TEST_CASE_TEMPLATE("timed mutexes: work with unique_lock's limits", M, TIMED_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        auto task = ramie::spawn([&] {
            { std::unique_lock lock(m, 1ms); CHECK(lock.owns_lock()); }
            { std::unique_lock lock(m, ramie::detail::carrier::now() + 1ms); CHECK(lock.owns_lock()); }
            std::unique_lock lock(m, std::defer_lock);
            CHECK(lock.try_lock_for(std::chrono::hours::max()));
            lock.unlock();
            CHECK(lock.try_lock_until(std::chrono::system_clock::now() + 1h));
            lock.unlock();
            CHECK(lock.try_lock_for(0s));
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE_TEMPLATE("timed mutexes: give up when the time is over, not before, and leave nothing behind", M, TIMED_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        auto task = ramie::spawn([&] {
            auto const start = ramie::detail::carrier::now();
            bool const got = m.try_lock_for(10ms);
            CHECK(ramie::detail::carrier::now() - start == 10ms);
            return got;
        });
        auto no_time = ramie::spawn([&] { return m.try_lock_for(0s) || m.try_lock_for(-1s); });
        carrier.drain();
        CHECK_FALSE(no_time.get());
        carrier.run();
        CHECK_FALSE(task.get());
        m.unlock();
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE_TEMPLATE("timed mutexes: a waiter whose time is over is passed over", M, TIMED_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        std::string trace;
        auto impatient = ramie::spawn([&] {
            if (!m.try_lock_for(5ms)) trace += 'a';
        });
        auto patient = ramie::spawn([&] {
            if (m.try_lock_for(1h)) trace += 'b';
            m.unlock();
        });
        carrier.drain();
        carrier.advance(5ms);  // it has not run yet
        m.unlock();
        carrier.drain();
        CHECK(trace.size() == 2);
        impatient.get();
        patient.get();
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE_TEMPLATE("timed mutexes: who was handed it at the moment its time ran out has it", M, TIMED_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        auto waits = ramie::spawn([&] {
            bool const got = m.try_lock_for(5ms);
            if (got) m.unlock();
            return got;
        });
        carrier.drain();
        m.unlock();
        carrier.advance(5ms);
        carrier.drain();
        CHECK(waits.get());
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE_TEMPLATE("timed mutexes: an enclosing timeout that is earlier throws, a later one does not", M, TIMED_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        auto task = ramie::spawn([&] {
            CHECK_FALSE(ramie::timeout(1ms, [&] { return m.try_lock_for(1h); }).has_value());
            CHECK(ramie::timeout(1h, [&] { return m.try_lock_for(1ms); }) == false);
        });
        carrier.run();
        task.get();
        m.unlock();
    });
}

namespace {

// The victim's own limits pass now and then, too.
template <class M>
struct with_limits {
    M m;
    int locked = 0, gave_up = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    with_limits() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (int round = 0; round < 4; ++round) {
                    std::unique_lock lock(m, std::chrono::milliseconds(i + round % 2));
                    ++(lock.owns_lock() ? locked : gave_up);
                    if (lock.owns_lock()) ramie::this_fiber::sleep_for(1ms);
                }
            }));
        }
        victim = tasks[1].abort_handle();
    }
    void check() {
        CHECK(locked > 0);
        CHECK(gave_up > 0);
        tasks[0].get();
        tasks[2].get();
        CHECK(m.try_lock());
        m.unlock();
    }
};

}  // namespace

TEST_CASE_TEMPLATE("timed mutexes: an abort at any step, among limits that pass, leaves it free in the end", M, TIMED_KINDS) {
    abort_at_each_step<with_limits<M>>();
}

TEST_CASE_TEMPLATE("timed mutexes: limits of plain threads pass, and none loses the mutex", M, TIMED_KINDS) {
    M m;
    m.lock();
    std::thread([&] { CHECK_FALSE(m.try_lock_for(5ms)); }).join();
    std::thread late([&] {
        CHECK(m.try_lock_for(1h));
        m.unlock();
    });
    std::this_thread::sleep_for(2ms);
    m.unlock();
    late.join();

    std::atomic<long> locked = 0;
    long count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i) {
                std::unique_lock lock(m, std::chrono::microseconds(i % 50));
                if (!lock.owns_lock()) continue;
                ++locked;
                ++count;
                if (i % 8 == 0) std::this_thread::sleep_for(20us);
            }
        });
    }
    for (auto& t : threads) t.join();
    CHECK(count == locked);
    CHECK(m.try_lock());
    m.unlock();
}
