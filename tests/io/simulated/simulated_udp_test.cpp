// UDP in a simulation: datagrams that are lost, come twice, and overtake each other.
#include "sockets.hpp"

#include <ramie/simulate.hpp>
#include <ramie/simulated_network.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>
#include <ramie/udp.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using ramie::endpoint;
using ramie::testing::error_in;
using ramie::udp_socket;
using ramie::testing::set_network;
using ramie::testing::simulate;
using ramie::testing::simulated_node;

namespace {

// What 20 numbered datagrams from another machine become.
std::vector<int> numbers_that_come(std::uint64_t seed, ramie::testing::network_conditions const& conditions) {
    std::vector<int> come;
    simulate(seed, [&] {
        set_network(conditions);
        auto receiver = udp_socket::bind(endpoint::any_v4(9));
        simulated_node::named("a")
            .spawn([] {
                auto sender = udp_socket::bind(endpoint::any_v4(0));
                auto const to = simulated_node::named("test").address_v4(9);
                for (int i = 0; i < 20; ++i) (void)sender->send_to(std::to_string(i), to);
            })
            .get();
        std::array<char, 10> part;
        for (;;) {
            auto const got = ramie::timeout(1s, [&] { return receiver->receive(std::span(part)); });
            if (!got) break;
            come.push_back(std::stoi(std::string(part.data(), (*got)->size)));
        }
    });
    return come;
}

}  // namespace

TEST_CASE("simulated UDP: datagrams come whole, with their sender") {
    simulate(1, [] {
        auto one = udp_socket::bind(endpoint::loopback_v4(1)), two = udp_socket::bind(endpoint::loopback_v4(2));
        CHECK(*one->send_to("hello", endpoint::loopback_v4(2)) == 5);
        CHECK(*one->send_to("", endpoint::loopback_v4(2)) == 0);
        std::array<char, 3> small;
        auto const first = two->receive_from(std::span(small));
        CHECK(first->size == 3);
        CHECK(first->full_size == 5);
        CHECK(first->from == endpoint::loopback_v4(1));
        CHECK(two->receive_from(std::span(small))->full_size == 0);
        CHECK(error_in(one->send("x")) == std::errc::destination_address_required);
        CHECK(error_in(one->send_to(std::string(70'000, 'x'), endpoint::loopback_v4(2))) == std::errc::message_size);
    });
}

TEST_CASE("simulated UDP: on a good wire all come, in some order") {
    bool overtaken = false;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        auto come = numbers_that_come(seed, {});
        overtaken = overtaken || !std::ranges::is_sorted(come);
        std::ranges::sort(come);
        REQUIRE(come.size() == 20);
        REQUIRE(std::ranges::adjacent_find(come) == come.end());
    }
    CHECK(overtaken);
}

TEST_CASE("simulated UDP: some are lost, some come twice") {
    std::size_t lost = 0, twice = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        lost += 20 - numbers_that_come(seed, {.lost_one_in = 4}).size();
        twice += numbers_that_come(seed, {.duplicated_one_in = 4}).size() - 20;
    }
    CHECK(lost > 50);
    CHECK(lost < 150);
    CHECK(twice > 50);
    CHECK(twice < 150);
}

TEST_CASE("simulated UDP: a connected socket hears only its peer, and that there is none, once") {
    simulate(1, [] {
        auto one = udp_socket::bind(endpoint::loopback_v4(1)), two = udp_socket::bind(endpoint::loopback_v4(2));
        auto third = udp_socket::bind(endpoint::loopback_v4(3));
        CHECK(two->connect(endpoint::loopback_v4(1)).has_value());
        CHECK(third->send_to("third", endpoint::loopback_v4(2)).has_value());
        ramie::this_fiber::sleep_for(1s);
        CHECK(one->send_to("one", endpoint::loopback_v4(2)).has_value());
        std::array<char, 10> part;
        CHECK(two->receive_from(std::span(part))->from == endpoint::loopback_v4(1));
        CHECK(*two->peer_endpoint() == endpoint::loopback_v4(1));
        one->close();
        CHECK(two->send("x").has_value());
        CHECK(error_in(two->receive(std::span(part))) == std::errc::connection_refused);
        CHECK_FALSE(ramie::timeout(1s, [&] { return two->receive(std::span(part)); }).has_value());
        CHECK(two->disconnect().has_value());
        CHECK(error_in(two->send("x")) == std::errc::destination_address_required);
    });
}

TEST_CASE("simulated UDP: batches") {
    simulate(1, [] {
        auto one = udp_socket::bind(endpoint::loopback_v4(1)), two = udp_socket::bind(endpoint::loopback_v4(2));
        auto const to = endpoint::loopback_v4(2);
        std::string const texts[] = {"a", "bb", "ccc"};
        std::vector<ramie::outgoing_datagram<endpoint>> out;
        for (auto const& each : texts) out.push_back({std::as_bytes(std::span(each)), &to});
        CHECK(*one->send_batch(out) == 3);
        ramie::this_fiber::sleep_for(1s);
        std::array<std::array<std::byte, 10>, 5> room;
        std::vector<ramie::incoming_datagram<endpoint>> in(5);
        for (std::size_t i = 0; i < in.size(); ++i) in[i].into = room[i];
        CHECK(*two->receive_batch(in) == 3);
        CHECK(in[2].size.full_size == 3);
        CHECK(in[0].from == endpoint::loopback_v4(1));
    });
}
