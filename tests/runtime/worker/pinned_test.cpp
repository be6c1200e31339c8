// What belongs to a thread: pinned tasks never leave theirs; errno goes with the task.
#include "chance.hpp"
#include "environment.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

// The way to read errno in a task that is not pinned: a compiler fetches its address once per function.
RAMIE_NOIPA int read_errno() { return errno; }
RAMIE_NOIPA void write_errno(int value) { errno = value; }
RAMIE_NOIPA pid_t this_thread() { return ::gettid(); }

// Every way to suspend.
void suspend(int way, ramie::mutex& lock, ramie::notify& ticks) {
    switch (way % 7) {
        case 0: ramie::this_fiber::yield(); break;
        case 1: ramie::this_fiber::sleep_for(20us); break;
        case 2: {
            std::lock_guard held(lock);
            ramie::this_fiber::yield();
            break;
        }
        case 3: ticks.wait(); break;
        case 4: (void)ramie::timeout(50us, [] { ramie::this_fiber::sleep_for(1h); }); break;
        case 5: (void)ramie::spawn([] { ramie::this_fiber::yield(); }).join(); break;
        case 6: (void)ramie::spawn_blocking([] {}).join(); break;
    }
}

}  // namespace

TEST_CASE("pinned: a pinned task always goes on in the same OS thread, where plain errno is its own") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        std::atomic<int> moved{0}, spoilt{0};
        std::atomic<bool> done{false};
        std::set<pid_t> homes;
        ramie::run({.workers = workers}, [&] {
            ramie::mutex lock;
            ramie::notify ticks;
            auto ticker = ramie::spawn([&] {
                while (!done) {
                    ticks.notify_one();
                    ramie::this_fiber::yield();
                }
            });
            std::vector<ramie::join_handle<pid_t>> tasks;
            for (int t = 0; t < 8; ++t) {
                tasks.push_back(ramie::spawn({.pinned = true}, [&, t] {
                    auto const home = this_thread();
                    for (int i = 0; i < static_cast<int>(rounds(1000)); ++i) {
                        errno = 1000 * t + i % 1000;
                        suspend(t + i, lock, ticks);
                        if (errno != 1000 * t + i % 1000) ++spoilt;
                        if (this_thread() != home) ++moved;
                    }
                    return home;
                }));
            }
            for (auto& t : tasks) homes.insert(t.get());
            done = true;
            ticker.get();
        });
        CHECK(moved.load() == 0);
        CHECK(spoilt.load() == 0);
        CHECK(homes.size() == workers);  // shared out among the workers
    }
}

TEST_CASE("pinned: a pinned task that is aborted before it started, or while parked, ends on its own") {
    for (unsigned workers : {1u, 3u}) {
        ramie::run({.workers = workers}, [&] {
            for (int i = 0; i < 300; ++i) {
                auto unstarted = ramie::spawn({.pinned = true}, [] { return 1; });
                unstarted.abort();
                auto parked = ramie::spawn({.pinned = true}, [] { ramie::this_fiber::sleep_for(1h); });
                if (i % 2 == 0) ramie::this_fiber::yield();
                if (parked.abort_and_join().has_value()) throw std::logic_error("slept");
                (void)unstarted.join();
            }
        });
    }
}

TEST_CASE("errno: is the task's own, read through a function, after every wait in another thread") {
    forced_migration const on;
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        std::atomic<int> spoilt{0}, migrated{0};
        std::atomic<bool> done{false};
        ramie::run({.workers = workers}, [&] {
            ramie::mutex lock;
            ramie::notify ticks;
            auto ticker = ramie::spawn([&] {
                while (!done) {
                    ticks.notify_one();
                    ramie::this_fiber::yield();
                }
            });
            std::vector<ramie::join_handle<void>> tasks;
            for (int t = 0; t < 8; ++t) {
                tasks.push_back(ramie::spawn([&, t] {
                    for (int i = 0; i < static_cast<int>(rounds(300)); ++i) {
                        auto const before = this_thread();
                        write_errno(1000 * t + i % 1000);
                        suspend(t + i, lock, ticks);
                        if (read_errno() != 1000 * t + i % 1000) ++spoilt;
                        if (this_thread() != before) ++migrated;
                    }
                }));
            }
            for (auto& t : tasks) t.get();
            done = true;
            ticker.get();
        });
        CHECK(spoilt.load() == 0);
        CHECK(migrated.load() > 0);
    }
}

TEST_CASE("errno: a new task starts with none, whatever ran on its stack before") {
    ramie::run({.workers = 1}, [] {
        for (int i = 0; i < 100; ++i) {
            int const at_start = ramie::spawn([] {
                                     int const seen = read_errno();
                                     write_errno(77);
                                     return seen;
                                 }).get();
            if (at_start != 0) throw std::logic_error("errno of another task");
        }
    });
}

namespace {

// Blocks the thread, a minute at the longest.
bool block_until(std::atomic<bool> const& flag) {
    auto const limit = std::chrono::steady_clock::now() + 60s;
    while (!flag.load() && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(50us);
    return flag.load();
}

}  // namespace

TEST_CASE("pinned: new tasks are not placed on workers that are lent, or found stuck, while others are there") {
    no_forced_migration const unset;
    for (bool lent : {true, false}) {
        CAPTURE(lent);
        ramie::runtime rt({.workers = 4, .stall_threshold = 1ms});
        std::atomic<bool> done{false};
        std::atomic<int> blocked{0};
        std::atomic<pid_t> taken[2];
        std::vector<ramie::join_handle<bool>> hogs;
        for (int i = 0; i < 2; ++i) {
            hogs.push_back(rt.spawn([&, lent, i] {
                auto const block = [&] {
                    taken[i] = this_thread();
                    ++blocked;
                    return block_until(done);
                };
                return lent ? ramie::block_in_place(block) : block();
            }));
        }
        while (blocked < 2) std::this_thread::yield();
        std::set<pid_t> homes;
        for (int round = 0; round < 20; ++round) {
            std::vector<ramie::join_handle<pid_t>> pinned;
            for (int i = 0; i < 8; ++i) pinned.push_back(rt.spawn({.pinned = true}, [] { return this_thread(); }));
            for (auto& p : pinned) homes.insert(p.get());  // all of them, while two workers block
        }
        for (auto const& t : taken) CHECK_FALSE(homes.contains(t.load()));
        done = true;
        for (auto& h : hogs) CHECK(h.get());
    }
}

// They are queued there before it is known.
TEST_CASE("pinned: unstarted tasks that wait for a worker move when it is lent, or found stuck") {
    no_forced_migration const unset;
    for (bool lent : {true, false}) {
        CAPTURE(lent);
        ramie::runtime rt({.workers = 2, .stall_threshold = 1ms});
        std::atomic<bool> done{false};
        std::atomic<int> left{8};
        auto hog = rt.spawn([&, lent] {
            for (int i = 0; i < 8; ++i) {
                ramie::spawn({.pinned = true}, [&] {
                    if (--left == 0) done = true;
                }).detach();
            }
            return lent ? ramie::block_in_place([&] { return block_until(done); }) : block_until(done);
        });
        CHECK(hog.get());
    }
}

TEST_CASE("pinned: what was spawned by spawn_local waits for its worker, in its order, when unstarted pinned tasks move") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2, .stall_threshold = 1ms});
    auto const trace = rt.spawn({.pinned = true}, [] {
        auto const home = this_thread();
        std::string seen;
        std::atomic<bool> moved{false};
        std::atomic<int> left{8};
        std::vector<ramie::join_handle<void>> local;
        for (char c = 'a'; c < 'e'; ++c) {
            for (int i = 0; i < 2; ++i) {
                ramie::spawn({.pinned = true}, [&] {
                    if (--left == 0) moved = true;
                }).detach();
            }
            local.push_back(ramie::spawn_local([&, c] { seen += this_thread() == home ? c : '!'; }));
        }
        if (!block_until(moved)) seen += '?';
        for (auto& l : local) l.get();
        return seen;
    }).get();
    CHECK(trace == "abcd");
}

TEST_CASE("pinned: where every worker blocks, unstarted tasks wait, and run when one is free again") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2, .stall_threshold = 1ms});
    std::atomic<bool> first{false}, second{false}, ran{false};
    std::atomic<int> blocked{0};
    // Pinned ones, which no spare takes when a worker is late on a busy machine: so each blocks a worker of the two.
    auto a = rt.spawn({.pinned = true}, [&] { return ++blocked, block_until(first); });
    auto b = rt.spawn({.pinned = true}, [&] { return ++blocked, block_until(second); });
    while (blocked < 2) std::this_thread::yield();
    auto pinned = rt.spawn({.pinned = true}, [&] { ran = true; });
    for (int i = 0; i < 100; ++i) rt.spawn([] {}).get();  // a spare does these
    CHECK_FALSE(ran.load());
    first = true;
    pinned.get();  // though b's worker may be the one it was placed on
    second = true;
    CHECK(a.get());
    CHECK(b.get());
}
