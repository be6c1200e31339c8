// broadcast: every receiver gets every value, or is told how many it missed.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"
#include "tracked.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

namespace {
using reason = ramie::broadcast_error::reason;
ramie::broadcast_error lagged(std::uint64_t n) { return {reason::lagged, n}; }
}  // namespace

TEST_CASE("broadcast: every receiver sees every value sent since it subscribed, in order") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, first] = ramie::broadcast<int>(8);
        CHECK(tx.send(1) == 1u);
        auto second = tx.subscribe();
        CHECK(tx.send(2) == 2u);
        std::vector<int> a, b;
        auto const read = [](ramie::broadcast_receiver<int> rx, std::vector<int>& into) {
            while (auto v = rx.receive()) into.push_back(*v);
        };
        auto one = ramie::spawn([&, rx = std::move(first)]() mutable { read(std::move(rx), a); });
        auto two = ramie::spawn([&, rx = std::move(second)]() mutable { read(std::move(rx), b); });
        carrier.drain();
        CHECK(tx.send(3) == 2u);
        tx = {};
        carrier.drain();
        CHECK(a == std::vector{1, 2, 3});
        CHECK(b == std::vector{2, 3});
    });
}

TEST_CASE("broadcast: a receiver that is too slow is told how many it missed, then gets the oldest that is left") {
    auto [tx, rx] = ramie::broadcast<int>(3);
    for (int i = 0; i < 3; ++i) CHECK(tx.send(i));
    CHECK(rx.size() == 3);
    CHECK(rx.try_receive() == 0);
    for (int i = 3; i < 8; ++i) CHECK(tx.send(i));
    CHECK(rx.size() == 3);
    CHECK(rx.receive().error() == lagged(4));  // 1 to 4
    for (int i = 5; i < 8; ++i) CHECK(rx.receive() == i);
    CHECK(rx.try_receive().error().why == reason::empty);
    for (int i = 0; i < 10; ++i) CHECK(tx.send(i));
    tx = {};
    CHECK(rx.receive().error().is_lagged());
    for (int i = 7; i < 10; ++i) CHECK(rx.receive() == i);
    CHECK(rx.receive().error().is_closed());
}

TEST_CASE("broadcast: send without receivers fails and drops the value; who subscribes later does not see it") {
    auto [tx, rx] = ramie::broadcast<int>(2);
    rx = {};
    CHECK(tx.receiver_count() == 0);
    CHECK(tx.send(1).error() == channel_error::closed);
    auto later = tx.subscribe();
    CHECK(later.try_receive().error().why == reason::empty);
    CHECK(tx.send(2) == 1u);
    CHECK(later.try_receive() == 2);
}

TEST_CASE("broadcast: a receiver knows when the last sender has gone, though there is something left to receive") {
    auto [tx, rx] = ramie::broadcast<int>(4);
    auto copy = tx;
    CHECK(tx.send(1));
    tx = {};
    CHECK_FALSE(rx.is_closed());
    copy = {};
    CHECK(rx.is_closed());
    CHECK(rx.receive() == 1);
    CHECK(rx.receive().error().is_closed());
}

TEST_CASE("broadcast: a weak sender does not keep it open, and becomes a sender while there is one") {
    auto [tx, rx] = ramie::broadcast<int>(4);
    auto const weak = tx.downgrade();
    {
        auto strong = weak.upgrade();
        REQUIRE(strong);
        CHECK(strong->send(1));
        tx = {};
        CHECK_FALSE(rx.is_closed());
        CHECK(weak.upgrade());
    }
    CHECK(rx.is_closed());
    CHECK_FALSE(weak.upgrade());
    CHECK(rx.receive() == 1);
    CHECK(rx.receive().error().is_closed());
    CHECK_FALSE(ramie::weak_broadcast_sender<int>().upgrade());
}

TEST_CASE("broadcast: resubscribe starts at what is sent next") {
    auto [tx, rx] = ramie::broadcast<int>(4);
    CHECK(tx.send(1));
    auto other = rx.resubscribe();
    CHECK(tx.send(2));
    CHECK(other.try_receive() == 2);
    CHECK(rx.try_receive() == 1);
}

TEST_CASE("broadcast: a value is let go when the last receiver has seen it, or has gone") {
    auto [tx, rx] = ramie::broadcast<std::shared_ptr<tracked>>(4);
    auto other = rx.resubscribe();
    CHECK(tx.send(std::make_shared<tracked>(1)));
    CHECK(tx.send(std::make_shared<tracked>(2)));
    CHECK(rx.try_receive().value()->value == 1);
    CHECK(tracked::alive() == 2);
    CHECK(other.try_receive().value()->value == 1);
    CHECK(tracked::alive() == 1);
    CHECK(rx.try_receive());
    other = {};
    CHECK(tracked::alive() == 0);
}

TEST_CASE("broadcast: closed() returns when there is no receiver; an empty end says what it is; capacity 0 is refused") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::broadcast<int>(1);
        bool gone = false;
        auto task = ramie::spawn([&] {
            tx.closed();
            gone = true;
        });
        carrier.drain();
        CHECK_FALSE(gone);
        rx = {};
        carrier.drain();
        CHECK(gone);
        CHECK_THROWS_AS((void)rx.receive(), std::logic_error);
        CHECK_THROWS_AS((void)ramie::broadcast<int>(0), std::invalid_argument);
    });
}

TEST_CASE("broadcast: a timed receive gives up at its limit and misses nothing") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::broadcast<int>(1);
        auto task = ramie::spawn([&] {
            CHECK(rx.receive_for(1ms).error().why == reason::timed_out);
            CHECK(tx.send(5));
            CHECK(rx.receive_for(1ms) == 5);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("broadcast: a range gives every value and tells of a lag, and ends with the last sender") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::broadcast<int>(2);
        std::vector<int> got;
        std::uint64_t missed = 0;
        auto task = ramie::spawn([&] {
            for (auto& each : rx) {
                if (each) got.push_back(*each);
                else missed += each.error().missed;
            }
        });
        carrier.drain();
        CHECK(tx.send(1));
        carrier.drain();
        CHECK(got == std::vector{1});
        for (int i = 2; i <= 5; ++i) CHECK(tx.send(i));
        carrier.drain();
        CHECK(missed == 2);
        CHECK(got == std::vector{1, 4, 5});
        CHECK(tx.send(6));
        CHECK_FALSE(task.is_finished());
        tx = {};
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(got == std::vector{1, 4, 5, 6});
        for (auto& each : rx) FAIL(each.has_value());
    });
}

TEST_CASE("broadcast: on_closed is ready when there is no receiver, and leaves the select's other cases when there is one") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::broadcast<int>(1);
        auto const wait = [&] {
            return ramie::select(ramie::on_closed(tx, [] {}), ramie::on_sleep(1s, [] {}));
        };
        auto slept = ramie::spawn(wait);
        carrier.run();
        CHECK(slept.get() == 1);
        auto closed = ramie::spawn(wait);
        carrier.drain();
        CHECK_FALSE(closed.is_finished());
        rx = {};
        carrier.drain();
        REQUIRE(closed.is_finished());
        CHECK(closed.get() == 0);
        CHECK(wait() == 0);
        tx = {};
        CHECK_THROWS_WITH_AS((void)ramie::on_closed(tx, [] {}),
                             "ramie: this broadcast_sender is empty: default-made or moved from", std::logic_error);
    });
}

TEST_CASE("broadcast: between plain threads every value is received or counted as missed") {
    auto [tx, rx] = ramie::broadcast<int>(8);
    std::uint64_t got = 0, missed = 0;
    std::thread reader([&, in = std::move(rx)]() mutable {
        for (int last = -1;;) {
            auto v = in.receive();
            if (v) {
                CHECK(*v > last);
                last = *v;
                ++got;
            } else if (v.error().is_lagged()) {
                missed += v.error().missed;
            } else {
                return;
            }
        }
    });
    for (int i = 0; i < 5000; ++i) CHECK(tx.send(i));
    tx = {};
    reader.join();
    CHECK(got + missed == 5000);
}

namespace {

struct crowd {
    int seen = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;
    crowd() {
        auto [tx, rx] = ramie::broadcast<std::shared_ptr<tracked>>(4);
        for (int i = 0; i < 2; ++i)
            tasks.push_back(ramie::spawn([&count = i == 0 ? ignored : seen, in = rx.resubscribe()]() mutable {
                while (in.receive()) ++count;
            }));
        tasks.push_back(ramie::spawn([out = std::move(tx)]() mutable {
            for (int i = 0; i < 3; ++i) {
                CHECK(out.send(std::make_shared<tracked>(i)));
                ramie::this_fiber::yield();
            }
        }));
        victim = tasks[0].abort_handle();
    }
    void check() {
        CHECK(seen == 3);
        CHECK(tracked::alive() == 0);
    }
    int ignored = 0;
};

}  // namespace

TEST_CASE("broadcast: the abort of one receiver at any moment takes nothing from the others, and nothing leaks") {
    abort_at_each_step<crowd>();
}

TEST_CASE("broadcast: a receiver that is destroyed while a task waits on it says so") {
    auto rx = std::make_unique<ramie::broadcast_receiver<int>>();
    ramie::broadcast_sender<int> tx;
    std::tie(tx, *rx) = ramie::broadcast<int>(1);
    dies_when_destroyed("broadcast's receiver", std::move(rx), [](auto& r) { (void)r.receive(); });
}
