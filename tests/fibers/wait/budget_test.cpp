// The budget: a loop of operations that never have to wait lets others run, and a timeout or an abort ends it.
#include "both_ways.hpp"

#include <ramie/async.hpp>
#include <ramie/barrier.hpp>
#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/interval.hpp>
#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>
#include <ramie/timeout.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::detail::fiber_budget;

namespace {

// An operation that may wait, in a loop where it never has to.
struct busy_loop {
    char const* name;
    void (*run)(std::function<bool()> const& goes_on);
};

constexpr auto long_ago = std::chrono::steady_clock::time_point{};

// What never makes others wait is left out: channels' ends that are dropped, try_ forms, notifications.
std::vector<busy_loop> const busy_loops{
    {"yield", [](auto& goes_on) { while (goes_on()) ramie::this_fiber::yield(); }},
    {"consume_budget", [](auto& goes_on) { while (goes_on()) ramie::this_fiber::consume_budget(); }},
    {"sleep_for(0s)", [](auto& goes_on) { while (goes_on()) ramie::this_fiber::sleep_for(0s); }},
    {"sleep_until(what has passed)", [](auto& goes_on) { while (goes_on()) ramie::this_fiber::sleep_until(long_ago); }},
    {"interval",
     [](auto& goes_on) {
         ramie::interval ticks(ramie::detail::carrier::now() - 1s, 1ns);
         while (goes_on()) ticks.tick();
     }},
    {"mutex",
     [](auto& goes_on) {
         ramie::mutex m;
         while (goes_on()) std::lock_guard const held(m);
     }},
    {"timed_mutex",
     [](auto& goes_on) {
         ramie::timed_mutex m;
         while (goes_on()) std::unique_lock const held(m, 1s);
     }},
    {"recursive_mutex",
     [](auto& goes_on) {
         ramie::recursive_mutex m;
         while (goes_on()) std::lock_guard const held(m);
     }},
    {"recursive_mutex, a second time",
     [](auto& goes_on) {
         ramie::recursive_mutex m;
         std::lock_guard const once(m);
         while (goes_on()) std::lock_guard const held(m);
     }},
    {"shared_mutex",
     [](auto& goes_on) {
         ramie::shared_mutex m;
         while (goes_on()) std::lock_guard const held(m);
     }},
    {"shared_mutex, shared",
     [](auto& goes_on) {
         ramie::shared_mutex m;
         while (goes_on()) std::shared_lock const held(m);
     }},
    {"counting_semaphore",
     [](auto& goes_on) {
         ramie::counting_semaphore<> s(1);
         while (goes_on()) {
             s.acquire();
             s.release();
         }
     }},
    {"semaphore",
     [](auto& goes_on) {
         ramie::semaphore s(1);
         while (goes_on()) (void)s.acquire();
     }},
    {"notify",
     [](auto& goes_on) {
         ramie::notify n;
         while (goes_on()) {
             n.notify_one();
             n.wait();
         }
     }},
    {"latch",
     [](auto& goes_on) {
         ramie::latch l(0);
         while (goes_on()) l.wait();
     }},
    {"barrier",
     [](auto& goes_on) {
         ramie::barrier b(1);
         while (goes_on()) b.arrive_and_wait();
     }},
    {"call_once",
     [](auto& goes_on) {
         ramie::once_flag once;
         while (goes_on()) ramie::call_once(once, [] {});
     }},
    {"future",
     [](auto& goes_on) {
         auto f = ramie::async(std::launch::deferred, [] { return 1; });
         (void)f.wait_for(0s);
         f.wait();
         while (goes_on()) f.wait();
     }},
    {"channel",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::channel<int>(1);
         while (goes_on()) {
             (void)tx.send(1);
             (void)rx.receive();
         }
     }},
    {"unbounded channel, receive",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::unbounded_channel<int>();
         while (goes_on()) {
             (void)tx.send(1);
             (void)rx.receive();
         }
     }},
    {"channel, reserve",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::channel<int>(1);
         while (goes_on()) (void)tx.reserve();
     }},
    {"channel that is closed",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::channel<int>(1);
         rx.close();
         while (goes_on()) (void)rx.receive();
     }},
    {"broadcast",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::broadcast<int>(1);
         while (goes_on()) {
             (void)tx.send(1);
             (void)rx.receive();
         }
     }},
    {"watch, changed",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::watch<int>(1);
         while (goes_on()) {
             rx.mark_changed();
             (void)rx.changed();
         }
     }},
    {"watch, a value that is there",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::watch<int>(1);
         while (goes_on()) (void)rx.wait_until_value([](int v) { return v == 1; });
     }},
    {"oneshot",
     [](auto& goes_on) {
         while (goes_on()) {
             auto [tx, rx] = ramie::oneshot<int>();
             (void)tx.send(1);
             (void)rx.receive();
         }
     }},
    {"cancellation_token",
     [](auto& goes_on) {
         ramie::cancellation_token token;
         token.cancel();
         while (goes_on()) token.wait();
     }},
    {"join of what has finished",
     [](auto& goes_on) {
         auto task = ramie::spawn([] {});
         task.wait();
         while (goes_on()) task.wait();
     }},
    {"task_tracker that is empty",
     [](auto& goes_on) {
         ramie::task_tracker tracker;
         tracker.close();
         while (goes_on()) tracker.wait();
     }},
    {"select",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::channel<int>(1);
         while (goes_on()) {
             (void)tx.try_send(1);
             ramie::select(ramie::on_receive(rx, [](auto const&) {}));
         }
     }},
    {"select that finds nothing",
     [](auto& goes_on) {
         auto [tx, rx] = ramie::channel<int>(1);
         while (goes_on()) ramie::select(ramie::on_receive(rx, [](auto const&) {}), ramie::otherwise([] {}));
     }},
    {"timeout round what need not wait",
     [](auto& goes_on) {
         ramie::latch l(0);
         while (goes_on()) (void)ramie::timeout(1h, [&] { l.wait(); });
     }},
    {"in an abort_shield",
     [](auto& goes_on) {
         ramie::latch l(0);
         while (goes_on()) {
             ramie::abort_shield whole;
             l.wait();
         }
     }},
};

constexpr int many = 10 * static_cast<int>(fiber_budget::full);

}  // namespace

TEST_CASE("budget: a loop that never has to wait lets others run") {
    for (auto const& loop : busy_loops) {
        CAPTURE(std::string(loop.name));
        both_ways([&](one_thread_carrier& carrier) {
            bool other_ran = false;
            int rounds = 0;
            auto busy = ramie::spawn([&] {
                bool stays = true;  // so that what a loop waits for at first is no matter
                loop.run([&] {
                    if (std::exchange(stays, false)) other_ran = false, ramie::spawn([&] { other_ran = true; }).detach();
                    return !other_ran && ++rounds < many;
                });
            });
            carrier.run();
            busy.get();
            CHECK(other_ran);
            CHECK(rounds <= static_cast<int>(fiber_budget::full) + 1);
        });
    }
}

TEST_CASE("budget: a timeout round such a loop ends it") {
    for (auto const& loop : busy_loops) {
        CAPTURE(std::string(loop.name));
        if (std::string_view(loop.name) == "in an abort_shield") continue;  // see below
        both_ways([&](one_thread_carrier& carrier) {
            bool lets_run = false, timed_out = false;
            auto busy = ramie::spawn([&] {
                timed_out = !ramie::timeout(1s, [&] {
                    int rounds = 0;
                    loop.run([&] {
                        if (rounds == 0) lets_run = true;
                        return ++rounds < many;
                    });
                });
            });
            auto clock = ramie::spawn([&] {
                while (!lets_run) ramie::this_fiber::yield();
                carrier.advance(1s);
            });
            carrier.run();
            busy.get();
            clock.get();
            CHECK(timed_out);
        });
    }
}

TEST_CASE("budget: an abort ends such a loop") {
    for (auto const& loop : busy_loops) {
        CAPTURE(std::string(loop.name));
        both_ways([&](one_thread_carrier& carrier) {
            auto busy = ramie::spawn([&] {
                int rounds = 0;
                loop.run([&] { return ++rounds < many; });
            });
            auto aborter = ramie::spawn([&] { busy.abort(); });
            carrier.run();
            if (std::string_view(loop.name) == "in an abort_shield") busy.get();
            else CHECK(busy.join().error().is_cancelled());
            aborter.get();
        });
    }
}

TEST_CASE("budget: in a mask others run too, but nothing older than the mask is thrown") {
    both_ways([](one_thread_carrier& carrier) {
        bool other_ran = false;
        auto busy = ramie::spawn([&] {
            ramie::latch l(0);
            auto const ended = ramie::timeout(1ms, [&] {
                ramie::abort_shield whole;
                ramie::spawn([&] { carrier.advance(1s), other_ran = true; }).detach();
                for (int i = 0; i < many; ++i) l.wait();
                CHECK(other_ran);
                auto const inner = ramie::timeout(0s, [&] {
                    for (int i = 0; i < many; ++i) l.wait();
                });
                CHECK_FALSE(inner.has_value());
            });
            CHECK(ended.has_value());
        });
        carrier.run();
        busy.get();
    });
}

TEST_CASE("budget: each turn brings a full one") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto const spender = [&](char name) {
            return [&trace, name] {
                ramie::latch l(0);
                for (int turn = 0; turn < 3; ++turn) {
                    trace += name;
                    for (std::uint32_t i = 0; i < fiber_budget::full; ++i) l.wait();
                    ramie::this_fiber::yield();
                }
            };
        };
        auto a = ramie::spawn(spender('a'));
        auto b = ramie::spawn(spender('b'));
        carrier.run();
        CHECK(trace == "ababab");
        a.get();
        b.get();
    });
}

TEST_CASE("budget: a plain thread spends one too: a timeout round its loop ends it") {
    ramie::latch l(0);
    auto const ended = ramie::timeout(1ms, [&] {
        for (;;) l.wait();
    });
    CHECK_FALSE(ended.has_value());
}
