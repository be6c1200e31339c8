// Simulated machines: tasks that belong together, killed, without power, cut off.
#include "caught_stderr.hpp"
#include "sockets.hpp"

#include <ramie/clock.hpp>
#include <ramie/simulate.hpp>
#include <ramie/simulated_network.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace std::chrono_literals;
using ramie::endpoint;
using ramie::testing::error_in;
using ramie::tcp_listener;
using ramie::tcp_stream;
using ramie::testing::explore;
using ramie::testing::simulate;
using ramie::testing::simulated_node;

namespace {

// Takes connections and keeps them, saying nothing.
void hold_connections() {
    auto listener = tcp_listener::bind(endpoint::any_v4(7));
    std::vector<tcp_stream> held;
    while (auto stream = listener->accept()) held.push_back(std::move(*stream));
}

}  // namespace

TEST_CASE("simulated node: a task and all it spawns run on its machine") {
    simulate(1, [] {
        auto const a = simulated_node::named("a"), b = simulated_node::named("b");
        CHECK(a == simulated_node::named("a"));
        CHECK_FALSE(a == b);
        a.spawn([&] {
             CHECK(simulated_node::current() == a);
             ramie::spawn([&] { CHECK(simulated_node::current() == a); }).get();
             ramie::spawn_blocking([&] { CHECK(simulated_node::current() == a); }).get();
             b.spawn([&] { CHECK(simulated_node::current() == b); }).get();
             ramie::spawn([&] { CHECK(simulated_node::current() == a); }).get();
         }).get();
        CHECK(simulated_node::current().name() == "test");
    });
}

TEST_CASE("simulated node: two machines may listen on one port") {
    simulate(1, [] {
        for (auto const* const name : {"a", "b"})
            simulated_node::named(name).spawn([] { CHECK(tcp_listener::bind(endpoint::any_v4(7)).has_value()); }).get();
    });
}

TEST_CASE("simulated node: when it is killed its tasks end, its peers hear of it, and it can be started again") {
    explore(100, [] {
        auto const a = simulated_node::named("a");
        bool ended = false;
        a.spawn([&] {
             struct at_end {
                 bool& ended;
                 ~at_end() { ended = true; }
             } const here{ended};
             hold_connections();
         }).detach();
        ramie::this_fiber::sleep_for(10ms);
        auto stream = tcp_stream::connect("a", 7);
        REQUIRE(stream.has_value());
        a.kill();
        REQUIRE(ended);
        std::array<char, 4> part;
        auto const got = stream->read(std::span(part));
        REQUIRE((got ? *got == 0 : got.error() == std::errc::connection_reset));
        REQUIRE(error_in(tcp_stream::connect("a", 7)) == std::errc::connection_refused);
        a.spawn(hold_connections).detach();
        ramie::this_fiber::sleep_for(10ms);
        REQUIRE(tcp_stream::connect("a", 7).has_value());
    });
}

TEST_CASE("simulated node: what is killed reaches nobody any more") {
    simulate(1, [] {
        auto const a = simulated_node::named("a");
        std::error_code later;
        a.spawn([&] {
             struct at_end {
                 std::error_code& later;
                 ~at_end() {
                     ramie::abort_shield const whole;
                     later = error_in(tcp_listener::bind(endpoint::any_v4(8)));
                 }
             } const here{later};
             ramie::this_fiber::sleep_for(1h);
         }).detach();
        ramie::this_fiber::sleep_for(1s);
        a.kill();
        CHECK(later == std::errc::network_down);
    });
}

TEST_CASE("simulated node: without power it is silent; with power it knows nothing of its old connections") {
    simulate(1, [] {
        auto const a = simulated_node::named("a");
        a.spawn(hold_connections).detach();
        ramie::this_fiber::sleep_for(10ms);
        auto stream = tcp_stream::connect("a", 7);
        a.power_off();
        CHECK_FALSE(a.has_power());
        CHECK_THROWS_AS(a.spawn([] {}).get(), std::logic_error);
        std::array<char, 4> part;
        CHECK(stream->write_all("hello").has_value());
        CHECK_FALSE(ramie::timeout(60s, [&] { return stream->read(std::span(part)); }).has_value());
        CHECK_FALSE(ramie::timeout(60s, [&] { return tcp_stream::connect("a", 7); }).has_value());
        a.power_on();
        CHECK(error_in(stream->read(std::span(part))) == std::errc::connection_reset);
        CHECK(error_in(tcp_stream::connect("a", 7)) == std::errc::connection_refused);
    });
}

TEST_CASE("simulated node: cut off from one, it still reaches the other") {
    simulate(1, [] {
        auto const a = simulated_node::named("a"), b = simulated_node::named("b");
        a.spawn(hold_connections).detach();
        ramie::this_fiber::sleep_for(10ms);
        a.cut(b);
        CHECK(tcp_stream::connect("a", 7).has_value());
        auto from_b = b.spawn([] { return tcp_stream::connect("a", 7).has_value(); });
        CHECK_FALSE(from_b.wait_for(20s));
        b.join(a);
        CHECK(from_b.get());
    });
}

TEST_CASE("simulated node: it cannot be killed by a task of its own") {
    simulate(1, [] {
        auto const a = simulated_node::named("a");
        a.spawn([&] { CHECK_THROWS_AS(a.kill(), std::logic_error); }).get();
    });
}
