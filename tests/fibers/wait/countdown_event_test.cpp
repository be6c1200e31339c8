// The primitive that CONTRIBUTING.md shows how to write (tests/house/contributing_test.py holds the page to it).
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"
#include "fibers/wait/countdown_event.hpp"

#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("countdown_event: all who wait go on when the count is zero, and later ones do not wait") {
    both_ways([](one_thread_carrier& carrier) {
        countdown_event event(2);
        int through = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([&] {
                event.wait();
                ++through;
            }));
        }
        carrier.drain();
        event.signal();
        event.add(1);
        event.signal();
        carrier.drain();
        CHECK(through == 0);
        event.signal();
        carrier.drain();
        CHECK(through == 3);
        event.wait();
        CHECK_THROWS_AS(event.signal(), std::logic_error);
        CHECK_THROWS_AS(event.add(1), std::logic_error);
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("countdown_event: a plain thread waits, too, and whoever was woken may destroy it") {
    one_thread_carrier carrier;
    auto event = std::make_unique<countdown_event>(1);
    auto& shared = *event;
    std::thread other([&] { event->wait(); event.reset(); });
    shared.signal();
    other.join();
    CHECK(event == nullptr);
}

namespace {

// Three wait, the second is aborted at some time; the count comes to zero after two milliseconds.
struct three_wait {
    countdown_event event{1};
    int through = 0;
    ramie::join_handle<void> first = ramie::spawn([this] { wait(); });
    ramie::join_handle<void> victim = ramie::spawn([this] { wait(); });
    ramie::join_handle<void> third = ramie::spawn([this] { wait(); });
    ramie::join_handle<void> signals = ramie::spawn([this] {
        ramie::this_fiber::sleep_for(2ms);
        event.signal();
    });
    void wait() {
        event.wait();
        ++through;
    }
    void check() {
        first.get();
        third.get();
        signals.get();
        auto const end = victim.join();
        CHECK(through == (end ? 3 : 2));
        if (!end) CHECK(end.error().is_cancelled());
        event.wait();
    }
};

}  // namespace

TEST_CASE("countdown_event: an abort at any moment takes one waiter away and keeps none of the others") {
    abort_at_each_step<three_wait>();
}

TEST_CASE("countdown_event: a wait ends when its time is up, its own or an outer one") {
    both_ways([](one_thread_carrier& carrier) {
        countdown_event event(1);
        auto task = ramie::spawn([&] {
            CHECK_FALSE(event.wait_for(1ms));
            CHECK_FALSE(ramie::timeout(1ms, [&] { event.wait(); }));
            CHECK(event.wait_for(1h));
        });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK_FALSE(task.is_finished());
        event.signal();
        carrier.drain();
        task.get();
    });
}

TEST_CASE("countdown_event: its case wins when the count is zero, before the select or during it") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const before : {false, true}) {
            CAPTURE(before);
            countdown_event event(1);
            int called = 0;
            if (before) event.signal();
            auto task = ramie::spawn([&] {
                return ramie::select(on_zero(event, [&] { ++called; }), ramie::on_sleep(1h, [] {}));
            });
            carrier.drain();
            if (!before) event.signal();
            carrier.drain();
            CHECK(task.get() == 0);
            CHECK(called == 1);
        }
    });
}

TEST_CASE("countdown_event: a case that loses, or whose select is aborted, leaves no trace") {
    both_ways([](one_thread_carrier& carrier) {
        countdown_event event(1);
        auto loser = ramie::spawn([&] {
            return ramie::select(on_zero(event, [] { FAIL("it lost"); }), ramie::on_sleep(1ms, [] {}));
        });
        auto aborted = ramie::spawn([&] { ramie::select(on_zero(event, [] { FAIL("it was aborted"); })); });
        carrier.drain();
        aborted.abort();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(loser.get() == 1);
        CHECK(aborted.join().error().is_cancelled());
        // Its destructor would say who waits.
    });
}

TEST_CASE("countdown_event: destroyed while a task waits, it says so and ends the process (forks)") {
    dies_when_destroyed("countdown_event", std::make_unique<countdown_event>(1), [](countdown_event& e) { e.wait(); });
}
