// block_in_place: the task keeps its thread, a spare worker does what that one would have done.
#include "chance.hpp"
#include "environment.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/latch.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

RAMIE_NOIPA pid_t this_thread() { return ::gettid(); }

// Blocks the thread, a minute at the longest.
bool block_until(std::atomic<bool> const& flag) {
    auto const limit = std::chrono::steady_clock::now() + 60s;
    while (!flag.load() && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(50us);
    return flag.load();
}

}  // namespace

TEST_CASE("block_in_place: runs its callable here and returns its value, or throws its exception") {
    ramie::run({.workers = 2}, [] {
        auto const home = this_thread();
        int local = 1;
        CHECK(ramie::block_in_place([&] { return this_thread() == home ? ++local : 0; }) == 2);
        CHECK(*ramie::block_in_place([] { return std::make_unique<int>(3); }) == 3);
        int& same = ramie::block_in_place([&]() -> int& { return local; });
        CHECK(&same == &local);
        CHECK_THROWS_AS(ramie::block_in_place([] { throw std::runtime_error("x"); }), std::runtime_error);
    });
}

TEST_CASE("block_in_place: tasks queued behind it run meanwhile, even when every worker blocks") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        CHECK(ramie::run({.workers = workers}, [&] {
            std::atomic<unsigned> blocked{0};
            std::atomic<bool> go_on{false};
            std::vector<ramie::join_handle<bool>> blockers;
            for (unsigned i = 0; i < 2 * workers; ++i) {
                blockers.push_back(ramie::spawn([&] {
                    return ramie::block_in_place([&] {
                        ++blocked;
                        return block_until(go_on);
                    });
                }));
            }
            auto watcher = ramie::spawn([&] {
                while (blocked.load() < 2 * workers) ramie::this_fiber::yield();
                go_on = true;
            });
            bool all = true;
            for (auto& b : blockers) all = b.get() && all;
            watcher.get();
            return all;
        }));
    }
}

TEST_CASE("block_in_place: what it spawns and wakes runs while it still blocks") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        CHECK(ramie::run({.workers = workers}, [] {
            ramie::notify signal;
            std::atomic<bool> woken{false}, ran{false};
            auto waits = ramie::spawn([&] {
                signal.wait();
                woken = true;
            });
            ramie::this_fiber::yield();
            bool const both = ramie::block_in_place([&] {
                auto spawned = ramie::spawn([&] { ran = true; });
                bool const first = block_until(ran);
                spawned.detach();
                signal.notify_one();
                return first && block_until(woken);
            });
            waits.get();
            return both;
        }));
    }
}

TEST_CASE("block_in_place: deadlines of the lent worker fire") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        CHECK(ramie::run({.workers = workers}, [] {
            std::atomic<bool> over{false};
            ramie::latch armed(8);
            std::vector<ramie::join_handle<void>> sleepers;
            std::atomic<int> left{8};
            for (int i = 0; i < 8; ++i) {
                sleepers.push_back(ramie::spawn([&] {
                    armed.count_down();
                    ramie::this_fiber::sleep_for(5ms);
                    if (--left == 0) over = true;
                }));
            }
            armed.wait();
            bool const fired = ramie::block_in_place([&] { return block_until(over); });
            for (auto& s : sleepers) s.get();
            return fired;
        }));
    }
}

TEST_CASE("block_in_place: one inside another is one") {
    CHECK(ramie::run({.workers = 1}, [] {
        std::atomic<bool> ran{false};
        ramie::spawn([&] { ran = true; }).detach();
        return ramie::block_in_place([&] {
            ramie::block_in_place([] {});
            return block_until(ran);
        });
    }));
}

TEST_CASE("block_in_place: a wait inside it parks the task, as anywhere") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, [] {
            for (int i = 0; i < 50; ++i) {
                int const x = ramie::block_in_place([] {
                    ramie::this_fiber::yield();
                    ramie::this_fiber::sleep_for(10us);
                    return ramie::spawn([] { return 4; }).get() + ramie::block_in_place([] {
                               ramie::this_fiber::yield();
                               return 1;
                           });
                });
                REQUIRE(x == 5);
                CHECK_FALSE(ramie::timeout(1ms, [] {
                    ramie::block_in_place([] { ramie::this_fiber::sleep_for(1h); });
                }));
            }
        });
    }
}

TEST_CASE("block_in_place: pinned tasks of the lent worker wait for it, and stay where they are") {
    CHECK(ramie::run({.workers = 1}, [] {
        std::atomic<bool> ran{false};
        auto pinned = ramie::spawn({.pinned = true}, [&] {
            ran = true;
            return this_thread();
        });
        std::atomic<bool> others{false};
        ramie::spawn([&] { others = true; }).detach();
        auto const home = this_thread();
        bool const waited = ramie::block_in_place([&] { return block_until(others) && !ran; });
        return waited && pinned.get() == home;
    }));
}

TEST_CASE("block_in_place: may not be called where all would stand still; from a plain thread it is a call") {
    ramie::run({.current_thread = true}, [] { CHECK_THROWS_AS(ramie::block_in_place([] {}), std::logic_error); });
    ramie::run({.workers = 2}, [] {
        ramie::spawn({.pinned = true}, [] {
            ramie::spawn_local([] { CHECK_THROWS_AS(ramie::block_in_place([] {}), std::logic_error); }).get();
            ramie::block_in_place([] {});  // pinned alone is no reason
        }).get();
    });
    CHECK(ramie::block_in_place([] { return 1; }) == 1);
}

TEST_CASE("block_in_place: spares rest when they are not needed, and go with the runtime") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2});
    rt.block_on([&] {
        for (int round = 0; round < 3; ++round) {
            std::vector<ramie::join_handle<void>> blockers;
            for (int i = 0; i < 6; ++i) {
                blockers.push_back(ramie::spawn([] { ramie::block_in_place([] { std::this_thread::sleep_for(1ms); }); }));
            }
            for (auto& b : blockers) b.get();
            // Each spare that is not needed any more rests at its next look.
            while (rt.metrics().spare_workers > 0) ramie::spawn([] { ramie::this_fiber::yield(); }).get();
        }
    });
}

TEST_CASE("block_in_place: without a thread to be had the others share the work") {
    no_forced_migration const unset;
    CHECK(ramie::run({.workers = 2, .max_blocking_threads = 1}, [] {
        std::atomic<int> blocked{0};
        std::atomic<bool> go_on{false};
        std::vector<ramie::join_handle<bool>> blockers;
        for (int i = 0; i < 2; ++i) {
            blockers.push_back(ramie::spawn([&] {
                return ramie::block_in_place([&] {
                    ++blocked;
                    return block_until(go_on);
                });
            }));
        }
        auto last = ramie::spawn([&] {
            while (blocked.load() < 2) ramie::this_fiber::yield();
            go_on = true;
        });
        bool all = true;
        for (auto& b : blockers) all = b.get() && all;
        last.get();
        return all;
    }));
}

TEST_CASE("block_in_place: at random, beside all else") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        auto const each = rounds(300);
        std::atomic<std::size_t> done{0};
        ramie::run({.workers = workers}, [&] {
            std::vector<ramie::join_handle<void>> tasks;
            for (unsigned t = 0; t < 12; ++t) {
                tasks.push_back(ramie::spawn([&, t] {
                    chance dice(t + 1);
                    for (std::size_t i = 0; i < each; ++i) {
                        switch (dice.below(6)) {
                            case 0: ramie::block_in_place([] { std::this_thread::sleep_for(20us); }); break;
                            case 1: ramie::block_in_place([] { ramie::this_fiber::yield(); }); break;
                            case 2: ramie::this_fiber::sleep_for(10us); break;
                            case 3: ramie::spawn([] { ramie::this_fiber::yield(); }).get(); break;
                            case 4: ramie::this_fiber::yield(); break;
                            default: {
                                auto victim = ramie::spawn([] {
                                    ramie::block_in_place([] { std::this_thread::sleep_for(10us); });
                                    ramie::this_fiber::sleep_for(1h);
                                });
                                (void)victim.abort_and_join();
                            }
                        }
                        done.fetch_add(1, std::memory_order_relaxed);
                    }
                }));
            }
            for (auto& t : tasks) t.get();
        });
        CHECK(done.load() == 12 * each);
    }
}
