// reserve: room in a channel that is kept for one value, used or given back.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/channel.hpp>
#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramie::testing;
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
