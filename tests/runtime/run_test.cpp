#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

TEST_CASE("run returns the root's value") {
    CHECK(ramie::run([] { return 42; }) == 42);
}

TEST_CASE("run rethrows the root's exception") {
    CHECK_THROWS_WITH_AS(ramie::run([] { throw std::runtime_error("no"); }), "no", std::runtime_error);
}

TEST_CASE("a tree of tasks is spawned and joined, on one to four workers") {
    struct tree {
        static long sum(long from, long size) {
            if (size == 1) return from;
            std::vector<ramie::join_handle<long>> children;
            for (int i = 0; i < 10; ++i) children.push_back(ramie::spawn(&tree::sum, from + i * (size / 10), size / 10));
            long total = 0;
            for (auto& c : children) total += c.get();
            return total;
        }
    };
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        CHECK(ramie::run({.workers = workers}, [] { return tree::sum(0, 10'000); }) == 49'995'000);
    }
}

TEST_CASE("a mutex protects a plain counter from many tasks on several workers") {
    ramie::run({.workers = 4}, [] {
        ramie::mutex lock;
        long count = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(ramie::spawn([&] {
                for (int n = 0; n < 1000; ++n) {
                    std::lock_guard held(lock);
                    ++count;
                    if (n % 10 == 0) ramie::this_fiber::yield();
                }
            }));
        }
        for (auto& t : tasks) t.get();
        CHECK(count == 100'000);
    });
}

TEST_CASE("sleep and timeout work on real time") {
    ramie::run({.workers = 2}, [] {
        ramie::this_fiber::sleep_for(2ms);
        auto const r = ramie::timeout(1ms, [] { ramie::this_fiber::sleep_for(1h); });
        CHECK_FALSE(r.has_value());
    });
}

TEST_CASE("spawn_blocking runs on another thread") {
    ramie::run({.workers = 1}, [] {
        auto const here = std::this_thread::get_id();
        CHECK(ramie::spawn_blocking([&] { return std::this_thread::get_id() != here; }).get());
    });
}
