// Callbacks of a requested stop, on several workers: a lock may be taken, and its holder runs beside.
#include <ramie/cancellation_token.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/stop_token.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>

using namespace std::chrono_literals;

TEST_CASE("stop_callback: one that locks what another worker's task holds gets it, without leaving its thread") {
    ramie::run({.workers = 2}, [] {
        ramie::mutex m;
        ramie::timed_mutex timed;
        ramie::shared_mutex shared;
        for (int i = 0; i < 20; ++i) {
            std::atomic<bool> held = false;
            std::atomic<bool> wanted = false;
            auto holder = ramie::spawn([&] {
                std::scoped_lock const all(m, timed, shared);
                held = true;
                while (!wanted) ramie::this_fiber::yield();
                ramie::this_fiber::sleep_for(200us);
            });
            while (!held) ramie::this_fiber::sleep_for(10us);
            ramie::cancellation_token const token;
            int taken = 0;
            ramie::stop_callback const hears(token.stop_token(), [&] {
                wanted = true;
                CHECK_FALSE(timed.try_lock_for(0s));
                { std::lock_guard const one(m); ++taken; }
                { std::lock_guard const two(timed); ++taken; }
                { std::lock_guard const three(shared); ++taken; }
                { std::shared_lock const four(shared); ++taken; }
            });
            token.cancel();
            CHECK(taken == 4);
            holder.get();
        }
    });
}

TEST_CASE("stop_callback: the way to wake a condition_variable by a stop") {
    ramie::run({.workers = 2}, [] {
        ramie::mutex m;
        ramie::condition_variable changed;
        ramie::cancellation_token const token;
        ramie::stop_callback const wakes(token.stop_token(), [&] {
            { std::lock_guard const held(m); }
            changed.notify_all();
        });
        auto waiter = ramie::spawn([&] {
            std::unique_lock held(m);
            changed.wait(held, [&] { return token.is_cancelled(); });
        });
        ramie::this_fiber::sleep_for(1ms);
        token.cancel();
        waiter.get();
    });
}
