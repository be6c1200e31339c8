// notify: one or all, the kept permit, listening before waiting; no notification is lost.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

struct line {
    ramie::notify signal;
    std::vector<int> woken;
    std::vector<ramie::join_handle<void>> tasks;
    void join_in(int number) {
        tasks.push_back(ramie::spawn([this, number] {
            signal.wait();
            woken.push_back(number);
        }));
    }
};

}  // namespace

TEST_CASE("notify: notify_one wakes the one who waits longest") {
    both_ways([](one_thread_carrier& carrier) {
        line l;
        for (int i = 0; i < 3; ++i) l.join_in(i);
        carrier.drain();
        for (int i = 0; i < 3; ++i) {
            l.signal.notify_one();
            carrier.drain();
            CHECK(l.woken.size() == static_cast<std::size_t>(i + 1));
            CHECK(l.woken.back() == i);
        }
    });
}

TEST_CASE("notify: notify_last wakes the one who came last; with nobody there it keeps the permit") {
    both_ways([](one_thread_carrier& carrier) {
        line l;
        for (int i = 0; i < 4; ++i) l.join_in(i);
        carrier.drain();
        l.signal.notify_last();
        carrier.drain();
        CHECK(l.woken == std::vector{3});
        // One that is aborted at the same moment passes it on to the one before it.
        l.tasks[2].abort();
        l.signal.notify_last();
        carrier.drain();
        CHECK(l.woken == std::vector{3, 1});
        l.signal.notify_one();
        carrier.drain();
        CHECK(l.woken == std::vector{3, 1, 0});
        l.signal.notify_last();
        l.signal.notify_last();
        CHECK(l.signal.wait_for(0s));
        CHECK_FALSE(l.signal.wait_for(0s));
    });
}

TEST_CASE("notify: with nobody there one permit is kept, never more") {
    both_ways([](one_thread_carrier& carrier) {
        line l;
        l.signal.notify_one();
        l.signal.notify_one();
        l.join_in(0);
        l.join_in(1);
        carrier.drain();
        CHECK(l.woken == std::vector{0});
        l.signal.notify_one();
        carrier.drain();
        CHECK(l.woken == std::vector{0, 1});
    });
}

TEST_CASE("notify: notify_all wakes all who wait now, in the order they came, and keeps no permit") {
    both_ways([](one_thread_carrier& carrier) {
        line l;
        l.signal.notify_all();
        for (int i = 0; i < 7; ++i) l.join_in(i);
        carrier.drain();
        CHECK(l.woken.empty());
        l.signal.notify_all();
        carrier.drain();
        CHECK(l.woken == std::vector{0, 1, 2, 3, 4, 5, 6});
        CHECK_FALSE(l.signal.wait_for(0ms));
    });
}

TEST_CASE("notify: a listener does not miss a notify_all that comes before it waits") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        auto heard = signal.listen();
        CHECK_FALSE(heard.wait_for(0ms));
        signal.notify_all();
        heard.wait();
        CHECK(heard.wait_for(0ms));  // it has still been called since
        auto later = signal.listen();
        CHECK_FALSE(later.wait_for(0ms));
        signal.notify_one();
        later.wait();  // a permit serves it as it serves wait()
        bool woken = false;
        auto task = ramie::spawn([&, l = signal.listen()]() mutable {
            l.wait();
            woken = true;
        });
        carrier.drain();
        CHECK_FALSE(woken);
        signal.notify_all();
        carrier.drain();
        CHECK(woken);
    });
}

TEST_CASE("notify: a notification that meets an aborted or late waiter goes to the next one, or is kept") {
    both_ways([](one_thread_carrier& carrier) {
        line l;
        l.join_in(0);
        l.join_in(1);
        carrier.drain();
        l.tasks[0].abort();      // parked in the queue still, but no longer waiting
        l.signal.notify_one();
        carrier.drain();
        CHECK(l.woken == std::vector{1});

        auto late = ramie::spawn([&] { CHECK_FALSE(l.signal.wait_for(1ms)); });
        carrier.drain();
        carrier.advance(1ms);
        l.signal.notify_one();
        carrier.drain();
        CHECK(late.is_finished());
        CHECK(l.signal.wait_for(0ms));

        // The other way round: notified first, then aborted: it was served.
        l.join_in(2);
        carrier.drain();
        l.signal.notify_one();
        l.tasks.back().abort();
        carrier.drain();
        CHECK(l.woken == std::vector{1, 2});
    });
}

namespace {

// One producer and two consumers by a flag and a notify: what is announced is taken, by whoever is left.
struct handing_over {
    ramie::notify signal;
    int announced = 0, taken = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;
    handing_over() {
        for (int i = 0; i < 2; ++i)
            tasks.push_back(ramie::spawn([this] {
                while (signal.wait_for(5ms)) ++taken;
            }));
        tasks.push_back(ramie::spawn([this] {
            for (int i = 0; i < 3; ++i) {
                signal.notify_one();
                ++announced;
                ramie::this_fiber::yield();
            }
        }));
        victim = tasks[0].abort_handle();
    }
    void check() {
        CHECK(announced == 3);
        int const kept = signal.wait_for(0ms);
        // Two can melt into one permit only while nobody waits.
        CHECK(taken + kept >= 2);
        CHECK(taken + kept <= 3);
        for (auto& t : tasks) CHECK(t.is_finished());
    }
};

}  // namespace

TEST_CASE("notify: an abort at any moment loses no notification") { abort_at_each_step<handing_over>(); }

TEST_CASE("notify: between plain threads") {
    ramie::notify ping, pong;
    std::thread other([&] {
        for (int i = 0; i < 500; ++i) {
            ping.wait();
            pong.notify_one();
        }
    });
    for (int i = 0; i < 500; ++i) {
        ping.notify_one();
        pong.wait();
    }
    other.join();
    CHECK_FALSE(ping.wait_for(1ms));
    CHECK_FALSE(ramie::timeout(1ms, [&] { pong.wait(); }));
}

TEST_CASE("notify: destroyed while a task waits on it says so") {
    dies_when_destroyed("notify", std::make_unique<ramie::notify>(), [](ramie::notify& n) { n.wait(); });
}
