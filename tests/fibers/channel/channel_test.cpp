// channel, unbounded_channel: order, room, closing, permits, batches; no value is lost or doubled, whatever ends a
// wait.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"
#include "tracked.hpp"

#include <ramie/channel.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

static_assert(std::ranges::input_range<ramie::receiver<std::unique_ptr<int>>>);

namespace {

std::vector<int> drain(ramie::receiver<int>& rx) {
    std::vector<int> all;
    while (auto v = rx.try_receive()) all.push_back(*v);
    return all;
}

}  // namespace

TEST_CASE("channel: values arrive in the order they were sent, and move-only ones are moved") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<std::unique_ptr<int>>(4);
        auto task = ramie::spawn([out = std::move(tx)]() mutable {
            for (int i = 0; i < 20; ++i) CHECK(out.send(std::make_unique<int>(i)));
        });
        std::vector<int> got;
        auto reader = ramie::spawn([&, in = std::move(rx)]() mutable {
            for (auto& v : in) got.push_back(*v);
        });
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(reader.is_finished());
        std::vector<int> wanted(20);
        std::iota(wanted.begin(), wanted.end(), 0);
        CHECK(got == wanted);
    });
}

TEST_CASE("channel: send waits while the channel is full, and goes on when a value was received") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        int sent = 0;
        auto task = ramie::spawn([&] {
            for (int i = 0; i < 4; ++i) {
                CHECK(tx.send(i));
                ++sent;
            }
        });
        carrier.drain();
        CHECK(sent == 2);
        CHECK(rx.size() == 2);
        CHECK(rx.try_receive() == 0);
        carrier.drain();
        CHECK(sent == 3);
        CHECK(drain(rx) == std::vector{1, 2, 3});
        carrier.drain();
        CHECK(task.is_finished());
    });
}

TEST_CASE("channel: waiting senders get room in the order they came, and try_send does not overtake them") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 4; ++i) tasks.push_back(ramie::spawn([&, i] { CHECK(tx.send(i)); }));
        carrier.drain();
        CHECK(tx.try_send(9).error() == channel_error::full);
        for (int i = 0; i < 4; ++i) {
            CHECK(rx.try_receive() == i);
            CHECK(tx.try_send(9).has_value() == (i == 3));  // the room went to the next in line at once
        }
        carrier.drain();
        CHECK(rx.try_receive() == 9);
    });
}

TEST_CASE("channel: waiting receivers are served in the order they came, one value each") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(8);
        std::vector<std::pair<int, int>> got;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i)
            tasks.push_back(ramie::spawn([&, i, mine = rx]() mutable { got.emplace_back(i, mine.receive().value()); }));
        carrier.drain();
        for (int v = 10; v < 13; ++v) CHECK(tx.try_send(v));
        CHECK(rx.size() == 0);  // all handed over
        carrier.drain();
        CHECK(got == std::vector<std::pair<int, int>>{{0, 10}, {1, 11}, {2, 12}});
    });
}

TEST_CASE("channel: when the last sender has gone receivers get what is left, then the end") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(4);
        auto other = tx;
        CHECK(tx.send(1));
        tx = {};
        CHECK(other.send(2));
        CHECK_FALSE(rx.is_closed());
        other = {};
        CHECK(rx.receive() == 1);
        CHECK(rx.receive() == 2);
        CHECK(rx.receive() == std::nullopt);
        CHECK(rx.try_receive().error() == channel_error::closed);
        CHECK(rx.receive_for(1s).error() == channel_error::closed);

        auto [tx2, rx2] = ramie::channel<int>(4);
        int ends = 0;
        auto waiting = [&](ramie::receiver<int> mine) { ends += mine.receive() == std::nullopt; };
        auto a = ramie::spawn(waiting, rx2), b = ramie::spawn(waiting, rx2);
        carrier.drain();
        tx2 = {};
        carrier.drain();
        CHECK(ends == 2);
    });
}

TEST_CASE("channel: when the last receiver has gone senders are told, and keep their value") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<tracked>(1);
        CHECK(tx.send(tracked(1)));
        bool told = false, gone = false;
        auto task = ramie::spawn([&] {
            tracked mine(7);
            CHECK(tx.send(std::move(mine)).error() == channel_error::closed);
            CHECK(mine.value == 7);
            told = true;
        });
        auto watcher = ramie::spawn([&] {
            tx.closed();
            gone = true;
        });
        carrier.drain();
        CHECK_FALSE(gone);
        auto copy = rx;
        rx = {};
        carrier.drain();
        CHECK_FALSE(told);
        copy = {};
        CHECK(tracked::alive() == 1);  // what nobody takes is destroyed with the last receiver
        carrier.drain();
        CHECK(told);
        CHECK(gone);
        CHECK(tx.is_closed());
        CHECK(tx.try_send(tracked(2)).error() == channel_error::closed);
        tx.closed();
    });
    CHECK(tracked::alive() == 0);
}

TEST_CASE("channel: each end knows when the other has gone") {
    auto [tx, rx] = ramie::channel<int>(2);
    auto other = tx;
    auto permit = tx.reserve().value();
    CHECK(tx.send(1));
    tx = {};
    other = {};
    CHECK_FALSE(rx.is_closed());  // there is a permit
    CHECK(permit.send(2));
    CHECK(rx.is_closed());
    CHECK(rx.receive() == 1);
    CHECK(rx.receive() == 2);
    CHECK(rx.receive() == std::nullopt);

    auto [tx2, rx2] = ramie::channel<int>(2);
    auto copy = rx2;
    rx2 = {};
    CHECK_FALSE(tx2.is_closed());
    copy = {};
    CHECK(tx2.is_closed());
}

TEST_CASE("channel: after close() what was sent can still be received, and nothing more is sent") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        CHECK(tx.send(1));
        bool refused = false;
        auto task = ramie::spawn([&] { refused = tx.send(2).error() == channel_error::closed; });
        carrier.drain();
        rx.close();
        carrier.drain();
        CHECK(refused);
        CHECK(rx.is_closed());
        CHECK(rx.receive() == 1);
        CHECK(rx.receive() == std::nullopt);

        auto [tx2, rx2] = ramie::channel<int>(1);
        bool ended = false;
        auto waiting = ramie::spawn([&] { ended = rx2.receive() == std::nullopt; });
        carrier.drain();
        tx2.close();
        carrier.drain();
        CHECK(ended);
    });
}

TEST_CASE("channel: an unbounded one never makes a sender wait") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::unbounded_channel<int>();
        for (int i = 0; i < 10'000; ++i) REQUIRE(tx.try_send(i));
        for (int i = 0; i < 10'000; ++i) REQUIRE(rx.try_receive() == i);
        auto room = tx.try_reserve();
        CHECK(room);
        CHECK(rx.try_receive().error() == channel_error::empty);
        (void)carrier;
    });
}

TEST_CASE("channel: a capacity of 0 is refused, and an empty end says what it is") {
    CHECK_THROWS_AS((void)ramie::channel<int>(0), std::invalid_argument);
    ramie::sender<int> tx;
    ramie::receiver<int> rx;
    CHECK_THROWS_AS(tx.send(1), std::logic_error);
    CHECK_THROWS_AS((void)rx.receive(), std::logic_error);
    ramie::channel_permit<int> none;
    CHECK_THROWS_AS((void)none.send(1), std::logic_error);
}

TEST_CASE("channel: timed forms give up at their limit, and what was not sent is still the caller's") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<tracked>(1);
        CHECK(rx.try_receive().error() == channel_error::empty);
        auto task = ramie::spawn([&] {
            CHECK(rx.receive_for(10ms).error() == channel_error::timed_out);
            CHECK(tx.send_for(tracked(1), 10ms));
            tracked second(2);
            CHECK(tx.send_for(std::move(second), 10ms).error() == channel_error::timed_out);
            CHECK(second.value == 2);
            auto const in_an_hour = std::chrono::steady_clock::now() + 1h;
            CHECK(rx.receive_until(in_an_hour)->value == 1);
            CHECK(ramie::timeout(5ms, [&] { return rx.receive(); }).error() == ramie::timed_out{});
            CHECK(tx.send(std::move(second)));
            CHECK(rx.receive()->value == 2);
        });
        carrier.run();
        task.get();
    });
    CHECK(tracked::alive() == 0);
}

TEST_CASE("channel: timed forms send a copy of what is to stay") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<std::string>(1);
        auto task = ramie::spawn([&] {
            std::string const kept = "a text that does not fit into a small string";
            auto const in_an_hour = std::chrono::steady_clock::now() + 1h;
            CHECK(tx.send_for(kept, 10ms));
            CHECK(tx.send_for(kept, 10ms).error() == channel_error::timed_out);
            CHECK(rx.receive() == kept);
            CHECK(tx.send_until(kept, in_an_hour));
            CHECK(rx.receive() == kept);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("channel: receive_many takes what is there, at least one, at most the limit, and 0 at the end") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(8);
        std::vector<int> out{-1};
        for (int i = 0; i < 5; ++i) CHECK(tx.try_send(i));
        CHECK(rx.receive_many(out, 0) == 0);
        CHECK(rx.receive_many(out, 3) == 3);
        CHECK(rx.receive_many(out, 100) == 2);
        CHECK(out == std::vector{-1, 0, 1, 2, 3, 4});
        std::size_t late = 9;
        auto task = ramie::spawn([&] { late = rx.receive_many(out, 10); });
        carrier.drain();
        CHECK(late == 9);
        CHECK(tx.try_send(7));
        carrier.drain();
        CHECK(late == 1);
        CHECK(out.back() == 7);
        tx = {};
        CHECK(rx.receive_many(out, 10) == 0);
    });
}

TEST_CASE("channel: a weak sender does not keep the channel open, and becomes a sender while there is one") {
    auto [tx, rx] = ramie::channel<int>(1);
    auto const weak = tx.downgrade();
    {
        auto strong = weak.upgrade();
        REQUIRE(strong);
        CHECK(strong->same_channel(tx));
        tx = {};
        CHECK(strong->send(1));
    }
    CHECK_FALSE(weak.upgrade());
    CHECK(rx.receive() == 1);
    CHECK(rx.receive() == std::nullopt);
    CHECK_FALSE(ramie::weak_sender<int>().upgrade());
}

TEST_CASE("channel: a channel of channels, dropped with what is in it, ends the inner ones") {
    auto [inner_tx, inner_rx] = ramie::channel<int>(1);
    auto [tx, rx] = ramie::channel<ramie::sender<int>>(1);
    CHECK(tx.send(std::move(inner_tx)));
    rx = {};
    CHECK(inner_rx.receive() == std::nullopt);
}

TEST_CASE("channel: plain threads talk without a runtime (with fibers: stress/channel_test.cpp)") {
    auto [tx, rx] = ramie::channel<int>(1);
    auto [back_tx, back_rx] = ramie::channel<int>(1);
    std::thread other([&] {
        for (auto& v : rx) CHECK(back_tx.send(v * 2));
        back_tx = {};
    });
    for (int i = 0; i < 200; ++i) {
        CHECK(tx.send(i));
        CHECK(back_rx.receive() == i * 2);
    }
    tx = {};
    CHECK(back_rx.receive() == std::nullopt);
    other.join();
}

namespace {

// Two senders and two receivers over a channel with one place, each with ends of its own, so that all end if one is
// aborted. What was sent is received: a wait that ended by the abort has handed nothing over, and one that was served
// says so.
template <std::size_t Victim>
struct crossing {
    int sent = 0, received = 0, refused = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    // (No wait inside a CHECK: doctest would swallow the abort.)
    crossing() {
        auto [tx, rx] = ramie::channel<tracked>(1);
        for (int i = 0; i < 2; ++i) {
            tasks.push_back(ramie::spawn([this, tx]() mutable {
                for (int k = 0; k < 3; ++k) {
                    if (k == 1) {
                        auto room = tx.reserve();
                        REQUIRE(room);
                        ramie::this_fiber::yield();
                        refused += !room->send(tracked(k));
                    } else {
                        refused += !tx.send(tracked(k));
                    }
                    ++sent;
                }
            }));
            tasks.push_back(ramie::spawn([this, rx]() mutable {
                while (rx.receive()) ++received;
            }));
        }
        victim = tasks[Victim].abort_handle();
    }
    void check() {
        for (auto& t : tasks) CHECK(t.is_finished());
        CHECK(refused == 0);
        CHECK(sent == received);
        CHECK(tracked::alive() == 0);
    }
};

}  // namespace

TEST_CASE("channel: an abort at any moment loses and doubles no value and no room") {
    abort_at_each_step<crossing<0>>();
    abort_at_each_step<crossing<1>>();
    abort_at_each_step<crossing<2>>();
    abort_at_each_step<crossing<3>>();
}

TEST_CASE("channel: an end that is destroyed while a task waits on it says so") {
    using rx = ramie::receiver<int>;
    using tx = ramie::sender<int>;
    ramie::sender<int> keep_tx;
    ramie::receiver<int> keep_rx;
    auto a = std::make_unique<rx>();
    std::tie(keep_tx, *a) = ramie::channel<int>(1);
    dies_when_destroyed("channel's receiver", std::move(a), [](rx& r) { (void)r.receive(); });
    auto b = std::make_unique<tx>();
    std::tie(*b, keep_rx) = ramie::channel<int>(1);
    (void)b->send(1);
    dies_when_destroyed("channel's sender", std::move(b), [](tx& s) { (void)s.send(2); });
}
