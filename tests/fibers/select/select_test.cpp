// select: who wins among ready cases, what each case does, and that nothing is left of a select that was aborted. (That
// losers keep nothing: select_losers_test.cpp.)
#include "both_ways.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {
auto const ignore = [](auto&&...) {};
}

TEST_CASE("select: among cases that are always ready each wins its share of 10,000 rounds") {
    both_ways([](one_thread_carrier&) {
        std::array<ramie::sender<int>, 3> tx;
        std::array<ramie::receiver<int>, 3> rx;
        for (std::size_t i = 0; i < 3; ++i) std::tie(tx[i], rx[i]) = ramie::channel<int>(1);
        ramie::receiver<int> never;
        std::array<int, 4> wins{};
        for (int round = 0; round < 10'000; ++round) {
            for (auto& t : tx) (void)t.try_send(1);
            // The case that is never ready must not give its share to a neighbour.
            ++wins[ramie::select(ramie::on_receive(rx[0], ignore), ramie::on_receive(never, ignore),
                                 ramie::on_receive(rx[1], ignore), ramie::on_receive(rx[2], ignore))];
        }
        CHECK(wins[1] == 0);
        for (auto const i : {0u, 2u, 3u}) {
            CHECK(wins[i] > 3000);  // 3333, give or take five standard deviations
            CHECK(wins[i] < 3670);
        }
    });
}

TEST_CASE("select: a biased one takes the first ready case in the order given") {
    auto [a_tx, a_rx] = ramie::channel<int>(1);
    auto [b_tx, b_rx] = ramie::channel<int>(1);
    for (int round = 0; round < 100; ++round) {
        (void)a_tx.try_send(1);
        (void)b_tx.try_send(2);
        CHECK(ramie::select_biased(ramie::on_receive(b_rx, ignore), ramie::on_receive(a_rx, ignore)) == 0);
    }
    CHECK(a_rx.size() == 1);
    CHECK(ramie::select_biased(ramie::on_receive(b_rx, ignore), ramie::on_receive(a_rx, ignore)) == 1);
}

TEST_CASE("select: the default is taken if nothing is ready, and only then; it may be the only case") {
    auto [tx, rx] = ramie::channel<int>(1);
    bool defaulted = false;
    std::optional<int> got;
    auto const once = [&] {
        return ramie::select(ramie::on_receive(rx, [&](std::optional<int> v) { got = v; }),
                             ramie::otherwise([&] { defaulted = true; }));
    };
    CHECK(once() == 1);
    CHECK(defaulted);
    CHECK(tx.send(5));
    defaulted = false;
    CHECK(once() == 0);
    CHECK_FALSE(defaulted);
    CHECK(got == 5);
    CHECK(ramie::select(ramie::otherwise([&] { defaulted = true; })) == 0);
    CHECK(defaulted);
}

TEST_CASE("select: on a closed channel receiving is ready with nothing, sending with an error, again and again") {
    auto [tx, rx] = ramie::channel<int>(1);
    CHECK(tx.send(1));
    tx.close();
    int ends = 0, left = 0;
    for (int i = 0; i < 3; ++i)
        ramie::select(ramie::on_receive(rx, [&](std::optional<int> v) { ++(v ? left : ends); }));
    CHECK(left == 1);
    CHECK(ends == 2);
    int value = 9;
    bool refused = false;
    ramie::select(ramie::on_send(tx, value, [&](auto sent) { refused = sent.error() == ramie::channel_error::closed; }));
    CHECK(refused);
    CHECK(value == 9);
}

TEST_CASE("select: closing a channel wakes selects that wait to receive from it or to send to it") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        bool ended = false, refused = false;
        auto receiving = ramie::spawn(
            [&] { ramie::select(ramie::on_receive(rx, [&](std::optional<int> v) { ended = !v; }), ramie::on_sleep(1h, ignore)); });
        carrier.drain();
        tx.close();
        carrier.drain();
        CHECK(ended);

        auto [tx2, rx2] = ramie::channel<std::unique_ptr<int>>(1);
        CHECK(tx2.send(nullptr));
        auto value = std::make_unique<int>(1);
        auto sending = ramie::spawn([&] {
            ramie::select(ramie::on_send(tx2, value, [&](auto sent) { refused = !sent; }), ramie::on_sleep(1h, ignore));
        });
        carrier.drain();
        rx2 = {};
        carrier.drain();
        CHECK(refused);
        CHECK(value);
    });
}

TEST_CASE("select: a case of an empty channel end is never ready, as a nil channel in Go") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::receiver<int> no_rx;
        ramie::sender<int> no_tx;
        int value = 1;
        std::optional<std::size_t> won;
        auto task = ramie::spawn([&] {
            won = ramie::select(ramie::on_receive(no_rx, ignore), ramie::on_send(no_tx, value, ignore),
                                ramie::on_sleep(1ms, ignore));
        });
        carrier.run();
        CHECK(won == 2);
        CHECK(task.is_finished());
    });
}

TEST_CASE("select: one channel in two cases gives one value to one of them, with equal chance") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(4);
        std::array<int, 2> wins{};
        auto task = ramie::spawn([&, in = rx]() mutable {
            for (int round = 0; round < 1000; ++round)
                ++wins[ramie::select(ramie::on_receive(in, ignore), ramie::on_receive(in, ignore))];
        });
        for (int i = 0; i < 1000; ++i) {
            if (i % 2 == 0) carrier.drain();  // half of them find it waiting, half find a value there
            REQUIRE(tx.try_send(i));
            if (i % 4 == 3) carrier.drain();
        }
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(rx.size() == 0);
        CHECK(wins[0] > 400);
        CHECK(wins[1] > 400);
    });
}

TEST_CASE("select: sending to and receiving from the same channel in one select is not sending to oneself") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        std::vector<std::size_t> won;
        int out = 7;
        std::optional<int> in;
        auto const once = [&] {
            won.push_back(ramie::select(ramie::on_send(tx, out, ignore), ramie::on_receive(rx, [&](auto v) { in = v; })));
        };
        once();  // empty: only sending is ready
        once();  // full: only receiving is
        CHECK(won == std::vector<std::size_t>{0, 1});
        CHECK(in == 7);

        // With the only room reserved neither is ready; it comes from outside.
        std::optional room(tx.try_reserve().value());
        auto task = ramie::spawn(once);
        carrier.drain();
        CHECK(won.size() == 2);
        CHECK(room->send(8));
        carrier.drain();
        CHECK(won.back() == 1);
        CHECK(in == 8);
        CHECK(rx.size() == 0);
    });
}

TEST_CASE("select: two selects that could serve each other do, and never themselves") {
    both_ways([](one_thread_carrier& carrier) {
        auto [a_tx, a_rx] = ramie::channel<int>(1);
        auto [b_tx, b_rx] = ramie::channel<int>(1);
        int received = 0, sent = 0;
        auto const both = [&](ramie::sender<int> tx, ramie::receiver<int> rx) {
            for (int i = 0; i < 100; ++i) {
                int v = i;
                ramie::select(ramie::on_send(tx, v, [&](auto) { ++sent; }), ramie::on_receive(rx, [&](auto) { ++received; }));
                ramie::this_fiber::yield();
            }
        };
        auto one = ramie::spawn(both, a_tx, b_rx), other = ramie::spawn(both, b_tx, a_rx);
        carrier.drain();
        CHECK(one.is_finished());
        CHECK(other.is_finished());
        CHECK(sent + received == 200);
        CHECK(static_cast<std::size_t>(sent - received) == a_rx.size() + b_rx.size());
    });
}

TEST_CASE("select: a handler may wait, select again and throw") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        CHECK(tx.send(1));
        auto task = ramie::spawn([&] {
            ramie::select(ramie::on_receive(rx, [&](auto) {
                ramie::this_fiber::sleep_for(1ms);
                ramie::select(ramie::on_sleep(1ms, [] { throw std::runtime_error("from within"); }));
            }));
        });
        carrier.run();
        CHECK(task.join().error().is_exception());
    });
}

TEST_CASE("select: an abort or an outer timeout ends it, and leaves no case in effect") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        auto [full_tx, full_rx] = ramie::channel<int>(1);
        CHECK(full_tx.send(1));
        ramie::notify signal;
        ramie::semaphore gate(0);
        ramie::cancellation_token token;
        auto child = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours::max()); });
        int value = 2, handled = 0;
        auto const count = [&](auto&&...) { ++handled; };
        auto const wait = [&] {
            ramie::select(ramie::on_receive(rx, count), ramie::on_send(full_tx, value, count),
                          ramie::on_notified(signal, count), ramie::on_acquire(gate, 1, count),
                          ramie::on_cancelled(token, count), ramie::on_join(child, count), ramie::on_sleep(1h, count));
        };
        for (bool const by_abort : {true, false}) {
            CAPTURE(by_abort);
            auto task = ramie::spawn([&] {
                if (by_abort) wait();
                else CHECK(ramie::timeout(1ms, wait).error() == ramie::timed_out{});
            });
            carrier.drain();
            CHECK(carrier.armed() == 1);
            if (by_abort) task.abort();
            else carrier.advance(1ms);
            // The ended select has not run yet; nothing may be given to it any more.
            signal.notify_one();
            gate.release();
            CHECK(tx.try_send(5));
            CHECK(full_rx.try_receive() == 1);
            carrier.drain();
            CHECK(task.join().has_value() == !by_abort);
            CHECK(handled == 0);
            CHECK(rx.try_receive() == 5);
            CHECK(full_rx.size() == 0);
            CHECK(gate.try_acquire());
            gate.forget(1);
            CHECK(signal.wait_for(0ms));
            CHECK(full_tx.send(1));
            CHECK(child.valid());
            CHECK(carrier.armed() == 0);
        }
        child.abort();
        carrier.drain();
        CHECK(child.join().error().is_cancelled());
    });
}

TEST_CASE("select: an abort is noticed on entry, also with a default") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        CHECK(tx.send(1));
        ramie::join_handle<void> task;
        task = ramie::spawn([&] {
            task.abort();
            ramie::select(ramie::on_receive(rx, ignore), ramie::otherwise(ignore));
        });
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
        CHECK(rx.size() == 1);
    });
}

TEST_CASE("select: from plain threads, against plain threads") {
    auto [tx, rx] = ramie::channel<int>(1);
    auto [end_tx, end_rx] = ramie::channel<int>(1);
    int sum = 0;
    std::thread reader([&, in = std::move(rx)]() mutable {
        for (bool going = true; going;) {
            ramie::select(ramie::on_receive(in, [&](std::optional<int> v) { sum += v.value_or(0); }),
                          ramie::on_receive(end_rx, [&](auto) { going = false; }), ramie::on_sleep(1h, ignore));
        }
        while (auto v = in.try_receive()) sum += *v;
    });
    for (int i = 1; i <= 200; ++i) CHECK(tx.send(i));
    CHECK(end_tx.send(0));
    reader.join();
    CHECK(sum == 200 * 201 / 2);
}
