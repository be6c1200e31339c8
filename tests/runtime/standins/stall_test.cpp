// A worker that is stuck in one task: others take over its queues, its next-slot and its deadlines, and it is counted.
// Each stuck task waits, without yielding, for what another worker must do for it.
#include "environment.hpp"

#include <ramie/counting_semaphore.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::no_forced_migration;

namespace {

// Busy without an abort point, for a minute at the longest.
bool stuck_until(std::atomic<bool> const& flag) {
    auto const limit = std::chrono::steady_clock::now() + 60s;
    while (!flag.load() && std::chrono::steady_clock::now() < limit) ramie::detail::cpu_pause();
    return flag.load();
}

}  // namespace

TEST_CASE("stalls: spawned tasks of a stuck worker are stolen") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u, 4u}) {
        std::atomic<bool> last{false};
        CHECK(ramie::run({.workers = workers}, [&] {
            std::atomic<int> left{100};
            for (int i = 0; i < 100; ++i) {
                ramie::spawn([&] {
                    if (--left == 0) last = true;
                }).detach();
            }
            return stuck_until(last);
        }));
    }
}

TEST_CASE("stalls: the task in a stuck worker's next-slot goes on elsewhere, and the stall is counted") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
        bool const went_on = rt.block_on([] {
            ramie::notify go;
            std::atomic<bool> flag{false};
            auto parked = ramie::spawn([&] {
                go.wait();
                flag = true;
            });
            ramie::this_fiber::sleep_for(2ms);
            go.notify_one();  // into the next-slot of this worker, which wakes nobody
            bool const done = stuck_until(flag);
            parked.get();
            return done;
        });
        CHECK(went_on);
        CHECK(rt.metrics().stalls >= 1);
    }
}

TEST_CASE("stalls: woken tasks in a stuck worker's ring go on elsewhere") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        CHECK(ramie::run({.workers = workers, .stall_threshold = 2ms}, [] {
            ramie::counting_semaphore<64> go(0);  // who has not waited yet finds its permit
            std::atomic<int> left{50};
            std::atomic<bool> flag{false};
            std::vector<ramie::join_handle<void>> parked;
            for (int i = 0; i < 50; ++i) {
                parked.push_back(ramie::spawn([&] {
                    go.acquire();
                    if (--left == 0) flag = true;
                }));
            }
            ramie::this_fiber::sleep_for(2ms);
            go.release(50);
            bool const done = stuck_until(flag);
            for (auto& p : parked) p.get();
            return done;
        }));
    }
}

TEST_CASE("stalls: deadlines armed on a stuck worker fire") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        no_forced_migration const unset;
        CHECK(ramie::run({.workers = workers, .stall_threshold = 2ms}, [&] {
            std::atomic<bool> flag{false};
            std::atomic<unsigned> asleep{0};
            std::vector<ramie::join_handle<void>> sleepers;
            for (unsigned i = 0; i < 8 * workers; ++i) {  // on all workers, this one's among them
                sleepers.push_back(ramie::spawn([&] {
                    ++asleep;
                    ramie::this_fiber::sleep_for(4ms);
                    if (--asleep == 0) flag = true;
                }));
            }
            while (asleep.load() < 8 * workers && !flag) ramie::this_fiber::yield();
            bool const done = stuck_until(flag);
            for (auto& s : sleepers) s.get();
            return done;
        }));
    }
}

TEST_CASE("stalls: a foreign thread's spawns run while all workers but one are stuck") {
    no_forced_migration const unset;
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        std::atomic<bool> release{false};
        std::atomic<unsigned> stuck{0};
        std::vector<ramie::join_handle<bool>> hogs;
        for (unsigned i = 1; i < workers; ++i) {
            hogs.push_back(rt.spawn([&] {
                ++stuck;
                return stuck_until(release);
            }));
        }
        while (stuck.load() < workers - 1) std::this_thread::yield();
        for (int i = 0; i < 100; ++i) CHECK(rt.spawn([] { return ramie::spawn([] { return 1; }).get(); }).get() == 1);
        release = true;
        for (auto& h : hogs) CHECK(h.get());
    }
}

TEST_CASE("stalls: when every worker is stuck, a spare comes, and goes again") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
        std::atomic<bool> release{false};
        std::atomic<unsigned> stuck{0};
        std::vector<ramie::join_handle<bool>> hogs;
        for (unsigned i = 0; i < workers; ++i) {
            hogs.push_back(rt.spawn([&] {
                ++stuck;
                return stuck_until(release);
            }));
        }
        while (stuck.load() < workers) std::this_thread::yield();
        auto rescued = rt.spawn([&] { release = true; });
        for (auto& h : hogs) CHECK(h.get());
        rescued.get();
        // It rests at its next look once the monitor has seen the others move.
        while (rt.metrics().spare_workers > 0) rt.spawn([] { ramie::this_fiber::yield(); }).get();
    }
}

TEST_CASE("stalls: a started pinned task behind a stuck one stays where it is, and the stall is counted") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2, .stall_threshold = 1ms});
    std::atomic<bool> ran{false}, seen{false};
    auto task = rt.spawn({.pinned = true}, [&] {
        ramie::notify go;
        auto behind = ramie::spawn_local([&] {
            go.wait();
            ran = true;
        });
        ramie::this_fiber::yield();  // it has started
        go.notify_one();
        bool const alone = stuck_until(seen) && !ran;
        behind.get();
        return alone;
    });
    while (rt.metrics().stalls == 0 && !task.is_finished()) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) rt.spawn([] {}).get();  // the other worker goes by
    seen = true;
    CHECK(task.get());
    CHECK(ran.load());
}

TEST_CASE("stalls: after the stall all goes on as before") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2, .stall_threshold = 1ms});
    for (int round = 0; round < 20; ++round) {
        long const sum = rt.block_on([] {
            ramie::notify go;
            std::atomic<bool> flag{false};
            auto parked = ramie::spawn([&] {
                go.wait();
                flag = true;
            });
            ramie::this_fiber::sleep_for(200us);
            go.notify_one();
            if (!stuck_until(flag)) return -1L;
            long total = 0;
            for (int i = 0; i < 200; ++i) total += ramie::spawn([i] { return i; }).get();
            parked.get();
            return total;
        });
        REQUIRE(sum == 199 * 200 / 2);
    }
    CHECK(rt.metrics().stalls >= 1);
}
