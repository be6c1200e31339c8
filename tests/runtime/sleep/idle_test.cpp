// Falling asleep and being woken (runtime/src/sleep/idle.md): the counts, and the hammer that would hang if a wake-up were
// lost.
#include "scheduler.hpp"
#include "settings/options.hpp"
#include "sleep/idle.hpp"

#include "chance.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

auto const at_start = std::chrono::steady_clock::now();

// Workers that exist and do nothing: no threads are theirs.
struct idle_workers {
    explicit idle_workers(unsigned n) : set(n, n) {
        for (unsigned i = 0; i < n; ++i) workers.push_back(std::make_unique<worker>(home, i, n == 1));
    }
    worker& operator[](unsigned i) { return *workers[i]; }

    scheduler home{settle({.current_thread = true})};
    std::vector<std::unique_ptr<worker>> workers;
    idle_set set;
};

}  // namespace

TEST_CASE("idle_set: a poster takes one sleeper, unless somebody searches") {
    idle_workers all(4);
    CHECK(all.set.wake_for_work() == nullptr);
    all.set.list(all[0], false, at_start);
    all.set.list(all[1], false, at_start);
    CHECK(all.set.sleeping() == 2);
    auto* const first = all.set.wake_for_work();
    REQUIRE(first != nullptr);
    CHECK(all.set.sleeping() == 1);
    CHECK_FALSE(all.set.unlist(*first));                 // it was taken off: it searches
    CHECK(all.set.wake_for_work() == nullptr);       // and so nobody else is woken
    CHECK(all.set.stop_search());                        // the last searcher
    auto* const second = all.set.wake_for_work();
    REQUIRE(second != nullptr);
    CHECK(second != first);
    CHECK(all.set.stop_search());
    CHECK(all.set.wake_for_work() == nullptr);
    CHECK(all.set.sleeping() == 0);
}

TEST_CASE("idle_set: half of the workers search, and only the last of them to stop is told so") {
    idle_workers all(5);
    CHECK(all.set.start_search());
    CHECK(all.set.start_search());
    CHECK_FALSE(all.set.start_search());
    all.set.join_search();  // for who knows that there is something: beyond the limit
    CHECK_FALSE(all.set.stop_search());
    CHECK_FALSE(all.set.stop_search());
    CHECK(all.set.stop_search());
    CHECK(all.set.start_search());
    CHECK(all.set.stop_search());
}

TEST_CASE("idle_set: who goes to sleep stops searching, and who wakes by itself takes itself off") {
    idle_workers all(2);
    CHECK(all.set.start_search());
    all.set.list(all[0], true, at_start);
    CHECK(all.set.sleeping() == 1);
    CHECK(all.set.start_search());  // nobody searches any more
    CHECK(all.set.stop_search());
    CHECK(all.set.unlist(all[0]));
    CHECK_FALSE(all.set.unlist(all[0]));
    CHECK(all.set.sleeping() == 0);
    CHECK(all.set.wake_for_work() == nullptr);
}

TEST_CASE("idle_set: once all have been awake for a while, a post looks no further until one is listed") {
    idle_workers all(2);
    all.set.look(at_start + 1h);
    CHECK(all.set.wake_for_work() == nullptr);
    all.set.list(all[0], false, at_start + 1h);
    all.set.look(at_start + 2h);  // one is listed
    CHECK(all.set.wake_for_work() == &all[0]);
    CHECK(all.set.stop_search());
}

TEST_CASE("idle_set: a lone worker is woken by foreign threads, and has nobody to wake itself") {
    idle_workers all(1);
    CHECK(all[0].alone.needs_no_wake());
    all.set.list(all[0], false, at_start);
    CHECK(all.set.wake_for_work() == &all[0]);
    CHECK(all.set.stop_search());
}

TEST_CASE("parker: a token put before the sleep ends it at once, and is eaten by it") {
    auto const nobody = make_driver();
    parker p;
    p.unpark(*nobody);
    p.unpark(*nobody);  // one token, however often
    p.sleep(never);
    auto const soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
    p.sleep(soon);
    CHECK(std::chrono::steady_clock::now() >= soon);
    CHECK(p.enter_driver());
    CHECK(p.is_in_driver());
    p.unpark(*nobody);
    nobody->turn(never);  // interrupted
    p.leave_driver();
    CHECK(p.enter_driver());
    p.leave_driver();
    p.unpark(*nobody);
    CHECK_FALSE(p.enter_driver());
    CHECK(p.enter_driver());
}

TEST_CASE("parker: two threads that wake each other never lose a wake, on the futex and in the driver") {
    auto const nobody = make_driver(), nowhere = make_driver();
    for (bool in_driver : {false, true}) {
        CAPTURE(in_driver);
        parker ping, pong;
        auto const turns = rounds(30'000);
        auto const sleep = [&](parker& p, driver& d) {
            if (!in_driver) return p.sleep(never);
            if (!p.enter_driver()) return;
            d.turn(never);
            p.leave_driver();
        };
        std::atomic<std::size_t> turn{0};
        std::jthread other([&] {
            for (std::size_t i = 0; i < turns; ++i) {
                while (turn.load(std::memory_order_acquire) != 2 * i + 1) sleep(pong, *nowhere);
                turn.store(2 * i + 2, std::memory_order_release);
                ping.unpark(*nobody);
            }
        });
        for (std::size_t i = 0; i < turns; ++i) {
            turn.store(2 * i + 1, std::memory_order_release);
            pong.unpark(*nowhere);
            while (turn.load(std::memory_order_acquire) != 2 * i + 2) sleep(ping, *nobody);
        }
        CHECK(turn.load() == 2 * turns);
    }
}

// The protocol with the queue replaced by one word: whoever posts waits until somebody took the work. A lost wake-up
// hangs.
TEST_CASE("idle protocol: work posted to workers that are falling asleep is always taken") {
    RAMIE_CAPTURE_SEED();
    for (unsigned n : {1u, 2u, 4u}) {
        CAPTURE(n);
        idle_workers all(n);
        auto const nobody = make_driver();
        std::vector<parker> parkers(n);
        std::atomic<bool> work{false}, done{false};
        auto const items = rounds(15'000);
        std::atomic<std::size_t> taken{0};
        {
            std::vector<std::jthread> threads;
            for (unsigned i = 0; i < n; ++i) {
                threads.emplace_back([&, i] {
                    bool searching = false;
                    while (!done.load(std::memory_order_acquire)) {
                        if (work.load(std::memory_order_relaxed) && work.exchange(false, std::memory_order_acquire)) {
                            if (std::exchange(searching, false) && all.set.stop_search())
                                if (auto* const w = all.set.wake_for_work()) parkers[w->index].unpark(*nobody);
                            all.set.look(std::chrono::steady_clock::now() + 1h);  // opens the gate as often as it can
                            taken.fetch_add(1, std::memory_order_release);
                            continue;
                        }
                        all.set.list(all[i], std::exchange(searching, false), std::chrono::steady_clock::now());
                        if (work.load(std::memory_order_relaxed) || done.load(std::memory_order_acquire)) {
                            if (all.set.unlist(all[i])) all.set.join_search();
                            searching = true;
                            continue;
                        }
                        parkers[i].sleep(never);
                        searching = !all.set.unlist(all[i]);
                    }
                });
            }
            chance dice(n);
            for (std::size_t i = 1; i <= items; ++i) {
                work.store(true, std::memory_order_release);
                if (auto* const w = all.set.wake_for_work()) parkers[w->index].unpark(*nobody);
                while (taken.load(std::memory_order_acquire) < i) {
                    if (dice.one_in(64)) std::this_thread::yield();
                }
                for (auto spins = dice.below(200); spins > 0; --spins) cpu_pause();  // meets them at all stages
            }
            done.store(true, std::memory_order_release);
            for (auto& p : parkers) p.unpark(*nobody);
        }
        CHECK(taken.load() == items);
    }
}
