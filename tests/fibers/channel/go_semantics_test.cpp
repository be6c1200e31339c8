// How Go programs use channels and select, where no test of Ramie's own parts says it already.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/channel.hpp>
#include <ramie/join_set.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

TEST_CASE("go: len and cap of a channel") {
    auto [tx, rx] = ramie::channel<int>(3);
    CHECK(tx.capacity() == 3);
    CHECK(tx.size() == 0);
    CHECK(tx.send(1));
    CHECK(tx.size() == 1);
    CHECK(rx.size() == 1);
}

TEST_CASE("go: closing a channel again, or from the other end, changes nothing (where Go panics)") {
    auto [tx, rx] = ramie::channel<int>(2);
    CHECK(tx.send(1));
    tx.close();
    tx.close();
    rx.close();
    CHECK(tx.try_send(2).error() == channel_error::closed);
    CHECK(rx.receive() == 1);
    CHECK(rx.receive() == std::nullopt);
}

TEST_CASE("go: closing a full channel wakes every sender that waits, and each keeps its value (where Go panics)") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<std::unique_ptr<int>>(1);
        CHECK(tx.send(std::make_unique<int>(0)));
        std::vector<ramie::join_handle<int>> senders;
        for (int i = 1; i <= 3; ++i)
            senders.push_back(ramie::spawn([out = tx, i]() mutable {
                auto value = std::make_unique<int>(i);
                auto const sent = out.send(std::move(value));
                return sent ? 0 : *value;
            }));
        carrier.drain();
        rx.close();
        carrier.drain();
        for (int i = 1; i <= 3; ++i) CHECK(senders[static_cast<std::size_t>(i - 1)].get() == i);
        CHECK(*rx.receive().value() == 0);
        CHECK(rx.receive() == std::nullopt);
    });
}

TEST_CASE("go: a range over a channel ends when it is closed and empty; one left early has taken only what it saw") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(8);
        for (int i = 0; i < 6; ++i) CHECK(tx.send(i));
        tx.close();
        std::vector<int> first, rest;
        for (auto const v : rx) {
            first.push_back(v);
            if (v == 1) break;
        }
        CHECK(rx.size() == 4);
        for (auto const v : rx) rest.push_back(v);
        CHECK(first == std::vector{0, 1});
        CHECK(rest == std::vector{2, 3, 4, 5});
        CHECK(carrier.runnable() == 0);
    });
}

TEST_CASE("go: a channel with room for n lets n tasks in at once") {
    both_ways([](one_thread_carrier& carrier) {
        auto [enter, leave] = ramie::channel<bool>(2);
        int inside = 0, most = 0, done = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 6; ++i)
            tasks.push_back(ramie::spawn([&, in = enter, out = leave]() mutable {
                (void)in.send(true);
                most = std::max(most, ++inside);
                ramie::this_fiber::sleep_for(1ms);
                --inside;
                ++done;
                (void)out.receive();
            }));
        carrier.run();
        CHECK(most == 2);
        CHECK(done == 6);
    });
}

TEST_CASE("go: closing a channel nothing was ever sent on tells all who receive from it") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, done] = ramie::channel<int>(1);
        int told = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 4; ++i)
            tasks.push_back(ramie::spawn([&told, mine = done, i]() mutable {
                std::optional<int> got(1);
                if (i % 2 == 0) got = mine.receive();
                else ramie::select(ramie::on_receive(mine, [&](auto v) { got = v; }), ramie::on_sleep(1h, [] {}));
                told += !got.has_value();
            }));
        carrier.drain();
        CHECK(told == 0);
        tx.close();
        carrier.drain();
        CHECK(told == 4);
        CHECK(carrier.armed() == 0);
    });
}

TEST_CASE("go: a merge switches off each input that has ended, and ends with the last") {
    both_ways([](one_thread_carrier& carrier) {
        std::array<ramie::receiver<int>, 3> inputs;
        std::vector<ramie::join_handle<void>> sources;
        for (std::size_t i = 0; i < 3; ++i) {
            auto [tx, rx] = ramie::channel<int>(1);
            inputs[i] = std::move(rx);
            sources.push_back(ramie::spawn([out = std::move(tx), i]() mutable {
                for (std::size_t k = 0; k < 2 * i; ++k) (void)out.send(static_cast<int>(10 * i + k));
            }));
        }
        auto merge = ramie::spawn([&inputs] {
            std::vector<int> all;
            for (int open = 3; open > 0;) {
                auto const from = [&](ramie::receiver<int>& rx) {
                    return ramie::on_receive(rx, [&](std::optional<int> v) {
                        if (v) all.push_back(*v);
                        else rx = {}, --open;
                    });
                };
                ramie::select(from(inputs[0]), from(inputs[1]), from(inputs[2]));
            }
            return all;
        });
        carrier.drain();
        REQUIRE(merge.is_finished());
        auto all = merge.get();
        std::sort(all.begin(), all.end());
        CHECK(all == std::vector{10, 11, 20, 21, 22, 23});
    });
}

TEST_CASE("go: the value of a send case that did not win is still the caller's, and goes in a later round") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<std::unique_ptr<int>>(1);
        CHECK(tx.send(std::make_unique<int>(0)));
        auto task = ramie::spawn([out = tx]() mutable {
            auto value = std::make_unique<int>(5);
            int rounds = 0;
            for (bool sent = false; !sent; ++rounds) {
                ramie::select(ramie::on_send(out, value, [&](auto went) { sent = went.has_value(); }),
                              ramie::on_sleep(1ms, [&] { REQUIRE(value != nullptr); }));
            }
            CHECK(value == nullptr);
            return rounds;
        });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(*rx.receive().value() == 0);
        carrier.drain();
        CHECK(task.get() == 3);
        CHECK(*rx.receive().value() == 5);
    });
}

TEST_CASE("go: values keep their order from one sender to one receiver, though both select") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        auto sender = ramie::spawn([out = std::move(tx)]() mutable {
            for (int i = 0; i < 200;) {
                int value = i;
                ramie::select(ramie::on_send(out, value, [&](auto) { ++i; }), ramie::on_sleep(1us, [] {}));
            }
        });
        auto receiver = ramie::spawn([in = std::move(rx)]() mutable {
            int expected = 0;
            for (bool open = true; open;)
                ramie::select(ramie::on_receive(in, [&](std::optional<int> v) {
                                  open = v.has_value();
                                  if (v) CHECK(*v == expected++);
                              }),
                              ramie::on_sleep(2us, [] {}));
            return expected;
        });
        carrier.run();
        CHECK(receiver.get() == 200);
    });
}

TEST_CASE("go: a pipeline drains from its source on: each stage closes the next when it has passed all on") {
    both_ways([](one_thread_carrier& carrier) {
        auto const stage = [](ramie::receiver<int> in) {
            auto [tx, rx] = ramie::channel<int>(1);
            ramie::spawn([from = std::move(in), to = std::move(tx)]() mutable {
                for (auto const v : from) (void)to.send(v + 1);
            }).detach();
            return std::move(rx);
        };
        auto [source, first] = ramie::channel<int>(1);
        auto end = stage(stage(stage(std::move(first))));
        auto feeder = ramie::spawn([out = std::move(source)]() mutable {
            for (int i = 0; i < 20; ++i) (void)out.send(i);
        });
        auto sink = ramie::spawn([&end] {
            int count = 0, sum = 0;
            for (auto const v : end) ++count, sum += v;
            return std::pair(count, sum);
        });
        carrier.drain();
        REQUIRE(sink.is_finished());
        CHECK(sink.get() == std::pair(20, 190 + 3 * 20));
        CHECK(carrier.live() == 0);
    });
}

TEST_CASE("go: a pipeline whose reader goes away ends from its sink on: each stage is refused and leaves") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<tracked>(1);
        auto [next_tx, next_rx] = ramie::channel<tracked>(1);
        auto feeder = ramie::spawn([out = std::move(tx)]() mutable {
            int n = 0;
            while (out.send(tracked(n))) ++n;
            return n;
        });
        auto stage = ramie::spawn([in = std::move(rx), out = std::move(next_tx)]() mutable {
            while (auto v = in.receive())
                if (!out.send(std::move(*v))) break;
        });
        carrier.drain();
        CHECK_FALSE(feeder.is_finished());
        next_rx = {};
        carrier.drain();
        CHECK(stage.is_finished());
        CHECK(feeder.is_finished());
        CHECK(tracked::alive() == 0);
    });
}
