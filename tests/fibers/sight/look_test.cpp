// What a look from outside says of a task.
#include "looks.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/channel.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <thread>

using namespace ramie::testing;
using namespace std::chrono_literals;
using doing = ramie::detail::task_sight::doing;
using ramie::detail::access;

TEST_CASE("look: a task that has not started, one that waits, one that has ended") {
    one_thread_carrier carrier;
    looking look;
    auto handle = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
    auto seen = look.at(handle);
    CHECK(seen.now == doing::has_not_started);
    CHECK_FALSE(seen.has_copy);
    carrier.drain();
    seen = look.at(handle);
    CHECK(seen.now == doing::waits);
    CHECK(std::string_view(seen.wait.what) == "sleep");
    carrier.run();
    CHECK(look.at(handle).now == doing::has_ended);
    CHECK_FALSE(look.at(handle).has_copy);
}

TEST_CASE("look: a wait for a lock says which, and which task holds it") {
    one_thread_carrier carrier;
    looking look;
    ramie::mutex plain;
    ramie::timed_mutex timed;
    ramie::recursive_mutex recursive;
    ramie::shared_mutex shared;
    ramie::notify over;
    auto holder = ramie::spawn([&] {
        std::scoped_lock const all(plain, timed, recursive, shared);
        over.wait();
    });
    carrier.drain();
    auto const waits_for = [&](auto& lock, void const* object) {
        auto waiter = ramie::spawn([&] { std::scoped_lock const held(lock); });
        carrier.drain();
        auto const seen = look.at(waiter);
        CHECK(seen.wait.for_lock);
        CHECK(seen.wait.object == object);
        CHECK(seen.wait.holder == &access::held(holder));
        return waiter;
    };
    auto const first = waits_for(plain, &plain);
    auto const second = waits_for(timed, &timed);
    auto const third = waits_for(recursive, &recursive);
    auto const fourth = waits_for(shared, &shared);
    auto reader = ramie::spawn([&] { std::shared_lock const held(shared); });
    carrier.drain();
    CHECK(look.at(reader).wait.holder == &access::held(holder));
    over.notify_one();
    carrier.drain();
}

TEST_CASE("look: a wait for a task's end names the task; one for anything else its object") {
    one_thread_carrier carrier;
    looking look;
    auto [tx, rx] = ramie::channel<int>(1);
    auto child = ramie::spawn([rx = std::move(rx)]() mutable { (void)rx.receive(); });
    auto parent = ramie::spawn([&] { (void)child.join(); });
    carrier.drain();
    auto const joins = look.at(parent).wait;
    CHECK(std::string_view(joins.what) == "join");
    CHECK(joins.object == &access::held(child));
    CHECK_FALSE(joins.for_lock);
    CHECK(std::string_view(look.at(child).wait.what).starts_with("channel receive"));
    { auto const ends = std::move(tx); }
    carrier.drain();
}

TEST_CASE("look: how much of its stack a task uses, and has used") {
    one_thread_carrier carrier;
    looking look;
    auto handle = ramie::spawn([] {
        [] {
            char volatile large[20'000];
            large[0] = 1;
            ramie::this_fiber::sleep_for(1s);
            large[sizeof large - 1] = 1;
        }();
        ramie::this_fiber::sleep_for(1h);
    });
    carrier.drain();
    auto const at_large = look.at(handle).stack;
    CHECK(at_large.used > 20'000);
    CHECK(at_large.size >= at_large.used);
    carrier.advance(1s);
    carrier.drain();
    auto const after = look.at(handle).stack;
    CHECK(after.used < 20'000);
    CHECK(after.used > 0);
    CHECK(after.deepest > 20'000);
    handle.abort();
    carrier.drain();
}

TEST_CASE("look: a wait is noted with its lane's clock") {
    one_thread_carrier carrier;
    looking look;
    auto handle = ramie::spawn([] {
        ramie::detail::this_lane()->clock.store(12345);
        ramie::this_fiber::sleep_for(1h);
    });
    carrier.drain();
    CHECK(look.at(handle).wait.since.time_since_epoch().count() == 12345);
    handle.abort();
    carrier.drain();
}

TEST_CASE("look: a wait that goes on is told from the next one for the same thing") {
    one_thread_carrier carrier;
    looking look;
    auto handle = ramie::spawn([] {
        for (;;) ramie::this_fiber::sleep_for(1h);
    });
    carrier.drain();
    auto& t = access::held(handle);
    auto const seen = look.at(handle).wait;
    CHECK(seen.goes_on(t));
    CHECK(seen.goes_on(t));
    carrier.advance(1h);
    CHECK_FALSE(seen.goes_on(t));
    carrier.drain();
    CHECK_FALSE(seen.goes_on(t));
    CHECK(look.at(handle).wait.goes_on(t));
    handle.abort();
    carrier.drain();
}

TEST_CASE("look: a task that ignores its abort waits for nothing in particular") {
    one_thread_carrier carrier;
    looking look;
    bool over = false;
    auto handle = ramie::spawn([&] {
        while (!over) {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (ramie::aborted const&) {}
        }
    });
    carrier.drain();
    handle.abort();
    while (look.at(handle).now != doing::waits) carrier.step();
    auto const seen = look.at(handle).wait;
    CHECK(std::string_view(seen.what) == "a wait");
    CHECK(seen.object == nullptr);
    over = true;
    carrier.run();
}

TEST_CASE("look: threads that wait are seen with their numbers, and leave with their threads") {
    ramie::mutex m;
    m.lock();
    auto const count = [] {
        int waiting = 0;
        ramie::detail::thread_waiter::for_each(
            [](ramie::detail::thread_waiter& w, int thread, void* with) {
                ramie::detail::held_waiter const held(w);
                if (!held) return;
                asks_nothing nothing;
                auto const seen = ramie::detail::wait_sight::of(w, nothing);
                if (seen.what == nullptr || std::string_view(seen.what) != "mutex") return;
                CHECK(seen.holder == &ramie::detail::waiter::self());
                CHECK(seen.since != ramie::detail::time_point{});
                CHECK(thread > 0);
                ++*static_cast<int*>(with);
            },
            &waiting);
        return waiting;
    };
    CHECK(count() == 0);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i) threads.emplace_back([&] { std::lock_guard const held(m); });
        while (count() < 3) {}
        CHECK(count() == 3);
        m.unlock();
    }
    CHECK(count() == 0);
}
