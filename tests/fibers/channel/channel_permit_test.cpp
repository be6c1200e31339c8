// reserve: room in a channel that is kept for one value, used or given back.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/channel.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <expected>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

static_assert(!std::is_copy_constructible_v<ramie::channel_permit<int>>);

TEST_CASE("channel: reserve keeps room for one value, and its send never waits") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        auto first = tx.reserve();
        REQUIRE(first);
        CHECK(tx.try_send(1));
        CHECK(tx.try_send(2).error() == channel_error::full);
        CHECK(tx.try_reserve().error() == channel_error::full);
        CHECK(first->send(3));
        CHECK_FALSE(first->valid());
        CHECK_THROWS_AS((void)first->send(4), std::logic_error);
        CHECK(rx.try_receive() == 1);
        CHECK(rx.try_receive() == 3);
        (void)carrier;
    });
}

TEST_CASE("channel: timed forms of reserve give up at their limit, and take no room then") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        auto task = ramie::spawn([&] {
            auto const in_an_hour = std::chrono::steady_clock::now() + 1h;
            auto one = tx.reserve_for(10ms);
            auto other = tx.reserve_until(in_an_hour);
            CHECK(tx.reserve_for(10ms).error() == channel_error::timed_out);
            CHECK(tx.reserve_many_for(2, 10ms).error() == channel_error::timed_out);
            CHECK(one->send(1));
            CHECK(rx.receive() == 1);
            CHECK(tx.reserve_many_for(2, 10ms).error() == channel_error::timed_out);
            CHECK(tx.try_send(2));  // what that had been given of the two is free again
            CHECK(rx.receive() == 2);
            other = std::unexpected(channel_error::closed);
            CHECK(tx.reserve_many_for(2, 10ms)->size() == 2);
            CHECK(tx.reserve_many_until(2, in_an_hour)->size() == 2);
            CHECK_THROWS_AS((void)tx.reserve_many_for(3, 10ms), std::invalid_argument);
            rx = {};
            CHECK(tx.reserve_for(10ms).error() == channel_error::closed);
            CHECK(tx.reserve_many_for(2, 10ms).error() == channel_error::closed);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("channel: timed forms of reserve wait for room, and get it within their limit") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        auto const in_an_hour = ramie::detail::carrier::now() + 1h;
        auto const full_then_drained = [&](auto reserve) {
            CHECK(tx.try_send(1));
            CHECK(tx.try_send(2));
            auto task = ramie::spawn([&] { return reserve().has_value(); });
            carrier.drain();
            CHECK_FALSE(task.is_finished());
            CHECK(rx.try_receive() == 1);
            CHECK(rx.try_receive() == 2);
            carrier.drain();
            REQUIRE(task.is_finished());
            CHECK(task.get());
        };
        full_then_drained([&] { return tx.reserve_for(1h); });
        full_then_drained([&] { return tx.reserve_until(in_an_hour); });
        full_then_drained([&] { return tx.reserve_many_for(2, 1h); });
        full_then_drained([&] { return tx.reserve_many_until(2, in_an_hour); });
    });
}

TEST_CASE("channel: a permit dropped unused gives its room to the sender that waits longest") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        auto held = tx.reserve();
        std::vector<int> went;
        auto value = ramie::spawn([&] {
            CHECK(tx.send(1));
            went.push_back(1);
        });
        auto permit = ramie::spawn([&] {
            auto mine = tx.reserve();
            went.push_back(2);
            CHECK(mine->send(2));
        });
        carrier.drain();
        CHECK(went.empty());
        held = std::unexpected(channel_error::closed);  // dropped
        carrier.drain();
        CHECK(went == std::vector{1});
        CHECK(rx.try_receive() == 1);
        carrier.drain();
        CHECK(went == std::vector{1, 2});
        CHECK(rx.try_receive() == 2);
    });
}

TEST_CASE("channel: room that a dropped permit frees while a receiver waits carries the next sender's value to it") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        std::optional held(tx.reserve().value());
        std::optional<int> got;
        auto sending = ramie::spawn([&] { CHECK(tx.send(5)); });
        auto again = ramie::spawn([&] { CHECK(tx.send(6)); });
        auto receiving = ramie::spawn([&] { got = rx.receive(); });
        carrier.drain();
        CHECK_FALSE(got);
        held.reset();
        carrier.drain();
        CHECK(got == 5);
        CHECK(sending.is_finished());
        CHECK(again.is_finished());
        CHECK(rx.try_receive() == 6);
    });
}

TEST_CASE("channel: a permit keeps the channel from ending, by close or by the last sender's end") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const closing : {false, true}) {
            for (bool const used : {false, true}) {
                CAPTURE(closing);
                CAPTURE(used);
                auto [tx, rx] = ramie::channel<int>(2);
                std::optional held(tx.reserve().value());
                std::vector<std::optional<int>> got;
                auto task = ramie::spawn([&] {
                    got.push_back(rx.receive());
                    if (got.back()) got.push_back(rx.receive());
                });
                carrier.drain();
                if (closing) tx.close();
                else tx = {};
                carrier.drain();
                CHECK(got.empty());
                if (used) CHECK(held->send(1));
                held.reset();
                carrier.drain();
                if (used) CHECK(got == std::vector<std::optional<int>>{1, std::nullopt});
                else CHECK(got == std::vector<std::optional<int>>{std::nullopt});
            }
        }
    });
}

TEST_CASE("channel: a permit's send after the last receiver has gone fails, and keeps the value") {
    auto [tx, rx] = ramie::channel<tracked>(1);
    auto held = tx.reserve().value();
    rx = {};
    tracked mine(3);
    CHECK(held.send(std::move(mine)).error() == channel_error::closed);
    CHECK(mine.value == 3);
    CHECK(tx.reserve().error() == channel_error::closed);
}

TEST_CASE("channel: reserve_many keeps room for several values at once, to be used one by one") {
    auto [tx, rx] = ramie::channel<int>(4);
    auto room = tx.reserve_many(3).value();
    CHECK(room.size() == 3);
    CHECK(tx.try_send(0));
    CHECK(tx.try_send(9).error() == channel_error::full);
    CHECK(room.send(1));
    auto one = room.take();
    CHECK(room.size() == 1);
    CHECK(room.send(2));
    CHECK(room.empty());
    CHECK_THROWS_AS((void)room.send(4), std::logic_error);
    CHECK_THROWS_AS((void)room.take(), std::logic_error);
    CHECK(one.send(3));
    std::vector<int> got;
    CHECK(rx.receive_many(got, 10) == 4);
    CHECK(got == std::vector{0, 1, 2, 3});
}

TEST_CASE("channel: reserve_many gives all or none, nothing for nothing, and refuses more than the capacity") {
    auto [tx, rx] = ramie::channel<int>(3);
    CHECK(tx.reserve_many(0)->empty());
    CHECK(tx.try_reserve_many(0)->empty());
    CHECK_THROWS_WITH_AS((void)tx.reserve_many(4),
                         "ramie: room for 4 values is to be reserved in a channel; accepted are 0 to 3, its capacity",
                         std::invalid_argument);
    CHECK_THROWS_AS((void)tx.try_reserve_many(4), std::invalid_argument);
    CHECK(tx.send(1));
    CHECK(tx.try_reserve_many(3).error() == channel_error::full);
    {
        auto two = tx.try_reserve_many(2).value();
        CHECK(tx.try_reserve().error() == channel_error::full);
        auto moved = std::move(two);
        CHECK(two.empty());
        CHECK(moved.size() == 2);
    }
    CHECK(tx.try_reserve_many(2));
    tx.close();
    CHECK(tx.reserve_many(1).error() == channel_error::closed);
    CHECK(tx.try_reserve_many(1).error() == channel_error::closed);
    auto [endless, to] = ramie::unbounded_channel<int>();
    CHECK_THROWS_AS((void)endless.try_reserve_many(endless.capacity()), std::bad_alloc);
    CHECK(endless.try_reserve_many(100)->size() == 100);
}

TEST_CASE("channel: who waits for much room is overtaken by nobody who wants little, and gets it bit by bit") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(3);
        CHECK(tx.send(1));
        CHECK(tx.send(2));
        std::vector<int> went;
        auto many = ramie::spawn([&] {
            auto room = tx.reserve_many(3).value();
            went.push_back(3);
            for (int i : {10, 11, 12}) CHECK(room.send(std::move(i)));
        });
        carrier.drain();
        CHECK(tx.try_send(9).error() == channel_error::full);  // there is room for one, which is kept
        auto little = ramie::spawn([&] {
            CHECK(tx.send(20));
            went.push_back(1);
        });
        carrier.drain();
        CHECK(rx.try_receive() == 1);
        carrier.drain();
        CHECK(went.empty());
        CHECK(rx.try_receive() == 2);
        carrier.drain();
        CHECK(went == std::vector{3});
        for (int const i : {10, 11, 12}) {
            CHECK(rx.try_receive() == i);
            carrier.drain();
        }
        CHECK(went == std::vector{3, 1});
        CHECK(rx.try_receive() == 20);
    });
}

TEST_CASE("channel: when one who waits for much room gives up, or hears of the end, the others get what it had") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(2);
        CHECK(tx.send(1));
        auto many = ramie::spawn([&] { (void)tx.reserve_many(2); });
        carrier.drain();
        auto little = ramie::spawn([&] { CHECK(tx.send(2)); });
        carrier.drain();
        CHECK_FALSE(little.is_finished());
        many.abort();
        carrier.drain();
        CHECK(little.is_finished());
        CHECK(rx.try_receive() == 1);
        CHECK(rx.try_receive() == 2);

        std::optional held(tx.reserve().value());
        auto told = ramie::spawn([&] {
            auto const room = tx.reserve_many(2);
            return !room && room.error() == channel_error::closed;
        });
        auto end = ramie::spawn([&] { return rx.receive() == std::nullopt; });
        carrier.drain();
        tx.close();
        carrier.drain();
        CHECK(told.get());
        CHECK_FALSE(end.is_finished());
        held.reset();
        carrier.drain();
        CHECK(end.get());
    });
}

namespace {

// Of three who send through permits, several at once, one is aborted; a receiver takes all.
template <std::size_t Victim>
struct sharing_room {
    int sent = 0, received = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    sharing_room() {
        auto [tx, rx] = ramie::channel<tracked>(3);
        for (std::size_t const each : {2u, 3u, 1u}) {
            tasks.push_back(ramie::spawn([this, tx, each]() mutable {
                for (int k = 0; k < 3; ++k) {
                    auto room = tx.reserve_many(each);
                    REQUIRE(room);
                    while (room->size() > 1) {  // the last is dropped
                        ramie::this_fiber::yield();
                        if (room->send(tracked(k))) ++sent;
                    }
                }
            }));
        }
        tasks.push_back(ramie::spawn([this, rx]() mutable {
            while (rx.receive()) {
                ++received;
                ramie::this_fiber::yield();
            }
        }));
        victim = tasks[Victim].abort_handle();
    }
    void check() {
        for (auto& t : tasks) CHECK(t.is_finished());
        CHECK(sent == received);
        CHECK(tracked::alive() == 0);
    }
};

}  // namespace

TEST_CASE("channel: an abort at any moment of those who share room loses none of it") {
    abort_at_each_step<sharing_room<0>>();
    abort_at_each_step<sharing_room<1>>();
    abort_at_each_step<sharing_room<2>>();
}

TEST_CASE("channel: on_reserve gets a permit when there is room, in its turn, and says when the channel is closed") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        std::optional<channel_error> refused;
        auto const reserve_and_send = [&](int value) {
            return ramie::select(ramie::on_reserve(tx,
                                                   [&, value](std::expected<ramie::channel_permit<int>, channel_error> room) {
                                                       if (room) CHECK(room->send(int(value)));
                                                       else refused = room.error();
                                                   }),
                                 ramie::on_sleep(1s, [] {}));
        };
        CHECK(reserve_and_send(1) == 0);
        CHECK(tx.try_reserve().error() == channel_error::full);
        auto first = ramie::spawn(reserve_and_send, 2);
        carrier.drain();
        auto second = ramie::spawn([&] { return tx.send(3); });
        carrier.drain();
        CHECK_FALSE(first.is_finished());
        CHECK(rx.try_receive() == 1);  // room for the first
        carrier.drain();
        REQUIRE(first.is_finished());
        CHECK(first.get() == 0);
        CHECK_FALSE(second.is_finished());
        CHECK(rx.try_receive() == 2);
        carrier.drain();
        CHECK(second.get());
        CHECK(rx.try_receive() == 3);
        CHECK(tx.try_send(4));
        auto slept = ramie::spawn(reserve_and_send, 5);
        carrier.run();
        CHECK(slept.get() == 1);
        CHECK(rx.try_receive() == 4);
        CHECK(tx.try_send(6));  // the case that lost keeps no room
        CHECK_FALSE(refused);
        auto closed = ramie::spawn(reserve_and_send, 7);
        carrier.drain();
        rx = {};
        carrier.drain();
        REQUIRE(closed.is_finished());
        CHECK(closed.get() == 0);
        CHECK(refused == channel_error::closed);
        tx = {};
        CHECK(ramie::select(ramie::on_reserve(tx, [](auto&&) {}), ramie::otherwise([] {})) == 1);
    });
}

TEST_CASE("channel: what on_reserve gets counts as a permit: it keeps its room and the channel, though the sender has gone") {
    auto [tx, rx] = ramie::channel<int>(1);
    std::optional<ramie::channel_permit<int>> kept;
    ramie::select(ramie::on_reserve(tx, [&](auto room) { kept.emplace(std::move(*room)); }));
    tx = {};
    CHECK(rx.try_receive().error() == channel_error::empty);
    CHECK(kept->send(1));
    CHECK(rx.try_receive() == 1);
    CHECK(rx.try_receive().error() == channel_error::closed);
}

TEST_CASE("channel: on_closed is ready when the channel is closed or nobody receives, and leaves the select's other cases until then") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const by_close : {true, false}) {
            auto [tx, rx] = ramie::channel<int>(1);
            auto const wait = [&] { return ramie::select(ramie::on_closed(tx, [] {}), ramie::on_sleep(1s, [] {})); };
            auto slept = ramie::spawn(wait);
            carrier.run();
            CHECK(slept.get() == 1);
            auto closed = ramie::spawn(wait);
            carrier.drain();
            CHECK_FALSE(closed.is_finished());
            if (by_close) rx.close();
            else rx = {};
            carrier.drain();
            REQUIRE(closed.is_finished());
            CHECK(closed.get() == 0);
            CHECK(wait() == 0);
            tx = {};
            CHECK(ramie::select(ramie::on_closed(tx, [] {}), ramie::otherwise([] {})) == 1);
        }
    });
}
