// Great numbers of tasks: parked, and short.
#include "chance.hpp"
#include "tracked.hpp"

#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

// TSan holds the history of each fiber: some 100 KB.
constexpr std::size_t parked_at_once =
#if defined(RAMIE_TSAN)
    5'000;
#elif defined(RAMIE_ASAN)
    20'000;
#else
    100'000;
#endif

}  // namespace

TEST_CASE("many tasks: 100,000 are parked while others run, and all are woken") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        std::size_t const woken = rt.block_on([&] {
            ramie::notify all;
            std::atomic<std::size_t> waiting{0}, through{0};
            std::vector<ramie::join_handle<std::size_t>> tasks;
            tasks.reserve(parked_at_once);
            for (std::size_t i = 0; i < parked_at_once; ++i) {
                tasks.push_back(ramie::spawn([&, i] {
                    waiting.fetch_add(1, std::memory_order_relaxed);
                    all.wait();
                    through.fetch_add(1, std::memory_order_relaxed);
                    return i;
                }));
            }
            while (waiting.load() < parked_at_once) ramie::this_fiber::yield();
            // Others run meanwhile: spawn, join, sleep, yield.
            for (int i = 0; i < 1000; ++i) {
                if (ramie::spawn([] { return 3; }).get() != 3) throw std::logic_error("lost");
                ramie::this_fiber::yield();
            }
            ramie::this_fiber::sleep_for(1ms);
            CHECK(through.load() == 0);
            CHECK(rt.metrics().live_tasks == parked_at_once + 1);
            for (;;) {  // some may have counted themselves and not be in the queue yet
                all.notify_all();
                if (through.load() == parked_at_once) break;
                ramie::this_fiber::yield();
            }
            std::size_t sum = 0;
            for (auto& t : tasks) sum += t.get();
            return sum;
        });
        CHECK(woken == parked_at_once * (parked_at_once - 1) / 2);
        CHECK(rt.metrics().live_tasks == 0);
    }
}

TEST_CASE("many tasks: a runtime with 100,000 parked tasks is destroyed, and all unwind") {
    std::atomic<std::size_t> waiting{0};
    {
        ramie::runtime rt({.workers = 2, .shutdown_timeout = 100s});
        rt.block_on([&] {
            for (std::size_t i = 0; i < parked_at_once; ++i) {
                ramie::spawn([&] {
                    tracked const local;
                    ++waiting;
                    ramie::this_fiber::sleep_for(1h);
                }).detach();
            }
            while (waiting.load() < parked_at_once) ramie::this_fiber::yield();
        });
    }
    CHECK(tracked::alive() == 0);
}

TEST_CASE("many tasks: a burst of a million short ones needs few stacks, spawned from inside and from outside") {
    auto const n = rounds(1'000'000);
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        std::atomic<std::size_t> ran{0}, most_stacks{0};
        auto const body = [&] {
            auto const i = ran.fetch_add(1, std::memory_order_relaxed);
            if (i % 1024 != 0) return;
            auto const live = rt.metrics().stacks.live;
            for (auto seen = most_stacks.load(); live > seen && !most_stacks.compare_exchange_weak(seen, live);) {}
        };
        rt.block_on([&] {
            for (std::size_t i = 0; i < n; ++i) ramie::spawn(body).detach();
            while (ran.load() < n) ramie::this_fiber::yield();
        });
        for (std::size_t i = 0; i < n / 10; ++i) rt.spawn(body).detach();
        while (ran.load() < n + n / 10) std::this_thread::yield();
        // The root, and one per worker; the figures are read while stacks move between caches.
        CHECK(most_stacks.load() > 0);
        CHECK(most_stacks.load() <= 4 * workers + 64);
    }
}

TEST_CASE("many tasks: a spawn storm from many foreign threads loses none") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        constexpr std::size_t threads = 8;
        auto const each = rounds(20'000);
        ramie::runtime rt({.workers = workers});
        std::atomic<std::size_t> ran{0};
        std::atomic<std::size_t> joined{0};
        {
            std::vector<std::jthread> storm;
            for (std::size_t t = 0; t < threads; ++t) {
                storm.emplace_back([&, handle = rt.handle()] {
                    for (std::size_t i = 0; i < each; ++i) {
                        auto task = handle.spawn([&, held = tracked()] {
                            ++ran;
                            return tracked(1);
                        });
                        if (i % 64 == 0) joined += static_cast<std::size_t>(task.get().value);
                    }
                });
            }
        }
        while (rt.metrics().live_tasks > 0) std::this_thread::yield();
        CHECK(ran.load() == threads * each);
        CHECK(joined.load() == threads * ((each + 63) / 64));
        CHECK(tracked::alive() == 0);
    }
}
