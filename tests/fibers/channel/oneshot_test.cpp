// oneshot: one value or none, and each end hears of the other's end.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"
#include "tracked.hpp"

#include <ramie/oneshot.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <tuple>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

TEST_CASE("oneshot: a value sent before or after the receiver waits arrives, once") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const before : {true, false}) {
            auto [tx, rx] = ramie::oneshot<std::unique_ptr<int>>();
            if (before) CHECK(tx.send(std::make_unique<int>(4)));
            int got = 0;
            auto task = ramie::spawn([&] { got = *rx.receive().value(); });
            carrier.drain();
            if (!before) CHECK(tx.send(std::make_unique<int>(4)));
            carrier.drain();
            CHECK(got == 4);
            CHECK_FALSE(tx.valid());
            CHECK_THROWS_AS((void)tx.send(nullptr), std::logic_error);
            CHECK(rx.receive().error() == channel_error::closed);
        }
    });
}

TEST_CASE("oneshot: a sender destroyed unused tells the receiver") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::oneshot<int>();
        bool told = false;
        auto task = ramie::spawn([&] { told = rx.receive().error() == channel_error::closed; });
        carrier.drain();
        CHECK_FALSE(told);
        tx = {};
        carrier.drain();
        CHECK(told);
        CHECK(rx.try_receive().error() == channel_error::closed);
    });
}

TEST_CASE("oneshot: when the receiver has gone send gives the value back, and closed() returns") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::oneshot<tracked>();
        CHECK_FALSE(tx.is_closed());
        bool heard = false;
        auto task = ramie::spawn([&] {
            tx.closed();
            heard = true;
        });
        carrier.drain();
        CHECK_FALSE(heard);
        rx = {};
        carrier.drain();
        CHECK(heard);
        CHECK(tx.is_closed());
        tracked mine(6);
        CHECK(tx.send(std::move(mine)).error() == channel_error::closed);
        CHECK(mine.value == 6);
    });
    CHECK(tracked::alive() == 0);
}

TEST_CASE("oneshot: close() stops a send to come, and leaves a value that was sent") {
    auto [tx, rx] = ramie::oneshot<int>();
    rx.close();
    CHECK(tx.send(1).error() == channel_error::closed);
    CHECK(rx.try_receive().error() == channel_error::closed);
    auto [tx2, rx2] = ramie::oneshot<int>();
    CHECK(rx2.try_receive().error() == channel_error::empty);
    CHECK(tx2.send(2));
    rx2.close();
    CHECK(rx2.try_receive() == 2);
}

TEST_CASE("oneshot: a value nobody takes is destroyed with the receiver") {
    {
        auto [tx, rx] = ramie::oneshot<tracked>();
        CHECK(tx.send(tracked(1)));
        rx = {};
        CHECK(tracked::alive() == 0);
    }
    CHECK(tracked::alive() == 0);
}

TEST_CASE("oneshot: a receive that timed out may be repeated") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::oneshot<int>();
        auto task = ramie::spawn([&] {
            CHECK(rx.receive_for(1ms).error() == channel_error::timed_out);
            CHECK(tx.send(3));
            CHECK(rx.receive_for(1ms) == 3);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("oneshot: between plain threads") {
    for (int i = 0; i < 100; ++i) {
        auto [tx, rx] = ramie::oneshot<int>();
        std::thread other([out = std::move(tx), i]() mutable { CHECK(out.send(i)); });
        CHECK(rx.receive() == i);
        other.join();
    }
}

namespace {

// The value is received, or still there for who asks again.
template <bool AbortReceiver>
struct question {
    ramie::oneshot_receiver<tracked> rx;
    bool sent = false, received = false;
    ramie::join_handle<void> asking, answering;
    ramie::abort_handle victim;
    question() {
        auto ends = ramie::oneshot<tracked>();
        rx = std::move(ends.second);
        asking = ramie::spawn([this] { received = rx.receive().has_value(); });
        answering = ramie::spawn([this, tx = std::move(ends.first)]() mutable {
            ramie::this_fiber::yield();
            ramie::this_fiber::yield();
            sent = tx.send(tracked(1)).has_value();
        });
        victim = AbortReceiver ? asking.abort_handle() : answering.abort_handle();
    }
    void check() {
        CHECK(sent == (received || rx.try_receive().has_value()));
        CHECK(tracked::alive() == 0);
        CHECK(asking.is_finished());
    }
};

}  // namespace

TEST_CASE("oneshot: an abort at any moment loses no value") {
    abort_at_each_step<question<true>>();
    abort_at_each_step<question<false>>();
}

TEST_CASE("oneshot: a receiver that is destroyed while a task waits on it says so") {
    auto rx = std::make_unique<ramie::oneshot_receiver<int>>();
    ramie::oneshot_sender<int> tx;
    std::tie(tx, *rx) = ramie::oneshot<int>();
    dies_when_destroyed("oneshot's receiver", std::move(rx), [](auto& r) { (void)r.receive(); });
}
