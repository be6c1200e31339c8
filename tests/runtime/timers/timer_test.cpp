// Deadlines on a real runtime.
#include "chance.hpp"

#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;
using clock_type = std::chrono::steady_clock;

namespace {
constexpr unsigned worker_counts[] = {1, 2, 4};
}

TEST_CASE("timers: sleeps of less than a millisecond end, and never too early") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<int> early{0}, ended{0};
        ramie::run({.workers = workers}, [&] {
            std::vector<ramie::join_handle<void>> tasks;
            for (int t = 0; t < 20; ++t) {
                tasks.push_back(ramie::spawn([&, t] {
                    for (int i = 0; i < 50; ++i) {
                        auto const until = clock_type::now() + std::chrono::microseconds(1 + (t * 37 + i * 11) % 300);
                        ramie::this_fiber::sleep_until(until);
                        if (clock_type::now() < until) ++early;
                        ++ended;
                    }
                }));
            }
            for (auto& t : tasks) t.get();
        });
        CHECK(early.load() == 0);
        CHECK(ended.load() == 1000);
    }
}

TEST_CASE("timers: tasks that sleep one after another wake in the order of their deadlines") {
    ramie::run({.workers = 1}, [] {
        bool all_slept = false;
        for (auto lead = 5ms; !all_slept; lead *= 2) {
            std::vector<int> order;
            int asleep = 0;
            auto const start = clock_type::now() + lead;
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < 100; ++i) {
                int const place = (i * 37) % 100;
                tasks.push_back(ramie::spawn([&, place] {
                    ++asleep;
                    ramie::this_fiber::sleep_until(start + std::chrono::microseconds(20 * place));
                    order.push_back(place);
                }));
            }
            while (asleep < 100) ramie::this_fiber::yield();
            all_slept = clock_type::now() < start;  // else some came too late to sleep; once more
            for (auto& t : tasks) t.get();
            // All fire together if this thread was kept from running; the order holds all the same.
            if (all_slept) CHECK(std::ranges::is_sorted(order));
            CHECK(order.size() == 100);
        }
    });
}

TEST_CASE("timers: a deadline earlier than the one the driver sleeps for is not missed") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        std::vector<ramie::join_handle<void>> far;
        for (int i = 0; i < 20; ++i) {
            far.push_back(rt.spawn([i] { ramie::this_fiber::sleep_for(std::chrono::minutes(100 - i)); }));
            std::this_thread::sleep_for(500us);  // all workers asleep, one of them until that deadline
            auto near = rt.spawn([] { ramie::this_fiber::sleep_for(200us); });
            near.get();
        }
        for (auto& t : far) CHECK_FALSE(t.is_finished());
    }
}

TEST_CASE("timers: a deadline armed by one worker while another goes into the driver is not missed") {
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        auto const n = rounds(2000);
        ramie::run({.workers = workers}, [&] {
            std::vector<ramie::join_handle<void>> tasks;
            for (unsigned t = 0; t < 2 * workers; ++t) {
                tasks.push_back(ramie::spawn([n, t] {
                    for (std::size_t i = 0; i < n; ++i)
                        ramie::this_fiber::sleep_for(std::chrono::nanoseconds((i * 7919 + t * 104729) % 20'000));
                }));
            }
            for (auto& t : tasks) t.get();
        });
    }
}

TEST_CASE("timers: many timeouts that are cancelled leave nothing behind that fires") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = static_cast<int>(rounds(20'000));
        ramie::run({.workers = workers}, [&] {
            ramie::notify ping, pong;
            auto other = ramie::spawn([&] {
                for (int i = 0; i < n; ++i) {
                    if (!ramie::timeout(1h, [&] { ping.wait(); })) throw std::logic_error("timed out");
                    pong.notify_one();
                }
            });
            for (int i = 0; i < n; ++i) {
                ping.notify_one();
                auto const answer = ramie::timeout(1h, [&] {
                    pong.wait();
                    return i;
                });
                if (answer != i) throw std::logic_error("timed out");
            }
            other.get();
        });
    }
}

TEST_CASE("timers: a thousand waits with a deadline each, cancelled at once from another worker") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, [&] {
            for (std::size_t round = rounds(20); round > 0; --round) {
                ramie::notify all;
                std::atomic<int> woken{0};
                std::vector<ramie::join_handle<void>> tasks;
                for (int i = 0; i < 1000; ++i) {
                    tasks.push_back(ramie::spawn([&, i] {
                        if (all.wait_for(std::chrono::minutes(60 + i % 7))) ++woken;
                    }));
                }
                while (woken.load() < 1000) {
                    all.notify_all();
                    ramie::this_fiber::yield();
                }
                for (auto& t : tasks) t.get();
            }
        });
    }
}

// One permit at a time: the notifier goes on only after somebody took it, so a lost one hangs, a doubled one shows.
TEST_CASE("timers: notifications that meet a deadline are neither lost nor doubled") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(2500);
        std::atomic<std::size_t> received{0}, timed_out{0};
        ramie::run({.workers = workers}, [&] {
            ramie::notify permits;
            std::atomic<bool> done{false};
            std::vector<ramie::join_handle<void>> waiters;
            for (unsigned i = 0; i < 6; ++i) {
                waiters.push_back(ramie::spawn([&, i] {
                    chance dice(i);
                    while (!done.load()) {
                        bool const by_timeout = dice.one_in(2);
                        auto const limit = dice.up_to(30us);
                        bool const got = by_timeout ? ramie::timeout(limit, [&] { permits.wait(); }).has_value()
                                                    : permits.wait_for(limit);
                        ++(got ? received : timed_out);
                    }
                }));
            }
            chance dice(99);
            for (std::size_t i = 1; i <= n; ++i) {
                permits.notify_one();
                while (received.load() < i) ramie::this_fiber::yield();
                if (dice.one_in(4)) ramie::this_fiber::sleep_for(dice.up_to(30us));
            }
            done = true;
            for (auto& t : waiters) t.get();
        });
        CHECK(received.load() == n);
        CHECK(timed_out.load() > 0);
    }
}

TEST_CASE("timers: plain threads time out, and their permits are not lost either") {
    RAMIE_CAPTURE_SEED();
    auto const n = rounds(3000);
    ramie::notify permits;
    std::atomic<std::size_t> received{0};
    std::atomic<bool> done{false};
    {
        ramie::runtime rt({.workers = 2});
        std::vector<std::jthread> waiters;
        for (unsigned i = 0; i < 2; ++i) {
            waiters.emplace_back([&, i] {
                chance dice(i);
                while (!done.load())
                    if (permits.wait_for(dice.up_to(80us))) ++received;
            });
        }
        rt.block_on([&] {
            for (std::size_t i = 1; i <= n; ++i) {
                permits.notify_one();
                while (received.load() < i) ramie::this_fiber::yield();
            }
        });
        done = true;
    }
    CHECK(received.load() == n);
}
