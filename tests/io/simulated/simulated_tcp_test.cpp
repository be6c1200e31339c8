// TCP in a simulation: the usual names over an in-memory network, with the errors that the kernel gives.
#include "caught_stderr.hpp"

#include <ramie/channel.hpp>
#include <ramie/clock.hpp>
#include <ramie/copy.hpp>
#include <ramie/file.hpp>
#include <ramie/pipe.hpp>
#include <ramie/resolve.hpp>
#include <ramie/select.hpp>
#include <ramie/simulate.hpp>
#include <ramie/simulated_network.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>
#include <ramie/unix_stream.hpp>
#include <ramie/write_all.hpp>

#include <doctest/doctest.h>

#include <netdb.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using ramie::endpoint;
using ramie::tcp_listener;
using ramie::tcp_stream;
using ramie::testing::explore;
using ramie::testing::set_network;
using ramie::testing::simulate;
using ramie::testing::simulated_node;

namespace {

// Accepts until it is aborted; each connection gets back what it sends.
void echo(tcp_listener listener) {
    for (;;) {
        auto accepted = listener.accept();
        if (!accepted) return;
        ramie::spawn([stream = std::move(*accepted)]() mutable {
            std::array<char, 300> part;
            for (;;) {
                auto const got = stream.read(std::span(part));
                if (!got || *got == 0) return;
                if (!stream.write_all(std::string_view(part.data(), *got))) return;
            }
        }).detach();
    }
}

simulated_node with_echo(std::string_view name, std::uint16_t port = 7) {
    auto const node = simulated_node::named(name);
    node.spawn({.name = "echo"}, [port] { echo(*tcp_listener::bind(endpoint::any_v4(port))); }).detach();
    ramie::this_fiber::sleep_for(1ms);  // it listens by then
    return node;
}

// What comes back for `text`, which the other side is to end after.
std::string echoed(tcp_stream& stream, std::string const& text) {
    auto writer = ramie::spawn([&] {
        if (!stream.write_all(text)) throw std::runtime_error("not written");
        if (!stream.shutdown_write()) throw std::runtime_error("not ended");
    });
    std::string back;
    std::array<char, 500> part;
    for (;;) {
        auto const got = stream.read(std::span(part));
        if (!got) throw std::system_error(got.error());
        if (*got == 0) break;
        back.append(part.data(), *got);
    }
    writer.get();
    return back;
}

std::string long_text() {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += std::to_string(i) + ' ';
    return text;
}

template <class T>
std::error_code error_in(std::expected<T, std::error_code> const& e) {
    return e ? std::error_code() : e.error();
}

}  // namespace

TEST_CASE("simulated TCP: every byte comes, in order, whatever the seed does to the pieces") {
    auto const text = long_text();
    explore(200, [&] {
        (void)with_echo("a");
        auto stream = tcp_stream::connect("a", 7);
        REQUIRE(stream.has_value());
        REQUIRE(echoed(*stream, text) == text);
    });
}

TEST_CASE("simulated TCP: reads and writes transfer a part, as they do with a kernel") {
    std::set<std::size_t> written, read;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        simulate(seed, [&] {
            auto listener = tcp_listener::bind(endpoint::loopback_v4(0));
            auto client = tcp_stream::connect(listener->local_endpoint());
            auto server = listener->accept();
            std::string const much(200'000, 'x');
            written.insert(*client->write(much));
            std::array<char, 1000> part;
            ramie::this_fiber::sleep_for(1s);
            read.insert(*server->read(std::span(part)));
        });
    }
    CHECK(written == std::set<std::size_t>{100, 1'000, 4'096, 16'384, 65'536});
    CHECK(read.contains(100));
    CHECK(read.contains(1000));
}

TEST_CASE("simulated TCP: a packet takes as long as the wire says") {
    simulate(1, [] {
        set_network({.least_delay = 10ms, .most_delay = 10ms});
        (void)with_echo("a");
        auto const begin = ramie::steady_clock::now();
        auto stream = tcp_stream::connect(simulated_node::named("a").address_v4(7));
        auto const connected = ramie::steady_clock::now();
        CHECK(connected - begin >= 20ms);
        CHECK(echoed(*stream, "hello") == "hello");
        CHECK(ramie::steady_clock::now() - connected >= 20ms);
    });
}

TEST_CASE("simulated TCP: address forms, ports and what may be bound") {
    simulate(1, [] {
        auto const a = simulated_node::named("a");
        CHECK(to_string(a.address_v4(80)) == "10.0.0.2:80");
        CHECK(to_string(a.address_v6(80)) == "[fd00::2]:80");
        CHECK(to_string(simulated_node::current().address_v4()) == "10.0.0.1:0");
        CHECK(simulated_node::current().name() == "test");

        auto both = tcp_listener::bind(endpoint::any_v6(80));  // of both families
        CHECK(both.has_value());
        CHECK(error_in(tcp_listener::bind(endpoint::any_v4(80))) == std::errc::address_in_use);
        CHECK(error_in(tcp_listener::bind(endpoint::loopback_v4(80))) == std::errc::address_in_use);
        CHECK(error_in(tcp_listener::bind(a.address_v4(81))) == std::errc::address_not_available);
        auto chosen = tcp_listener::bind(endpoint::loopback_v4(0)),
             another = tcp_listener::bind(endpoint::loopback_v4(0));
        CHECK(chosen->local_port() != 0);
        CHECK(chosen->local_port() != another->local_port());
        both->close();
        CHECK(tcp_listener::bind(endpoint::any_v4(80)).has_value());

        auto v6 = tcp_listener::bind(endpoint::any_v6(90));
        auto client = tcp_stream::connect(endpoint::loopback_v4(90));
        auto server = v6->accept();
        CHECK(to_string(*client->peer_endpoint()) == "127.0.0.1:90");
        CHECK(server->peer_endpoint()->address() == "::ffff:127.0.0.1");
        CHECK(server->peer_endpoint()->port() == client->local_endpoint()->port());
        CHECK(error_in(tcp_stream::connect(*endpoint::parse("192.0.2.1:80"))) == std::errc::network_unreachable);
    });
}

TEST_CASE("simulated TCP: names are those of the machines") {
    simulate(1, [] {
        (void)simulated_node::named("a");
        auto const found = ramie::resolve("a", 5);
        REQUIRE(found.has_value());
        CHECK(found->size() == 2);
        CHECK(to_string(found->front()) == "10.0.0.2:5");
        CHECK(ramie::resolve("localhost", 5)->front() == endpoint::loopback_v4(5));
        CHECK(ramie::resolve("127.0.0.1", 5)->front() == endpoint::loopback_v4(5));
        CHECK(ramie::resolve("nowhere", 5).error() == std::error_code(EAI_NONAME, ramie::resolve_category()));
        set_network({.look_up_fails_one_in = 1});
        CHECK(ramie::resolve("a", 5).error() == std::error_code(EAI_AGAIN, ramie::resolve_category()));
    });
}

TEST_CASE("simulated TCP: without a listener a connection is refused") {
    simulate(1, [] {
        auto const a = simulated_node::named("a");
        CHECK(error_in(tcp_stream::connect(a.address_v4(7))) == std::errc::connection_refused);
        CHECK(error_in(tcp_stream::connect("a", 7)) == std::errc::connection_refused);
        (void)with_echo("a");
        set_network({.refused_one_in = 1});
        CHECK(error_in(tcp_stream::connect("a", 7)) == std::errc::connection_refused);
        set_network({});
        CHECK(tcp_stream::connect("a", 7).has_value());
    });
}

TEST_CASE("simulated TCP: without an answer a connect fails after two minutes, or by its timeout") {
    simulate(1, [] {
        auto const a = with_echo("a");
        a.cut_off();
        auto const begin = ramie::steady_clock::now();
        CHECK(error_in(tcp_stream::connect(a.address_v4(7))) == std::errc::timed_out);
        CHECK(ramie::steady_clock::now() - begin > 120s);
        CHECK_FALSE(ramie::timeout(3s, [&] { return tcp_stream::connect(a.address_v4(7)).has_value(); }).has_value());
        // One that is under way gets through when the wire is whole again.
        auto waiting = ramie::spawn([&] { return tcp_stream::connect(a.address_v4(7)).has_value(); });
        ramie::this_fiber::sleep_for(10s);
        a.join_all();
        CHECK(waiting.get());
    });
}

TEST_CASE("simulated TCP: a listener's queue has an end") {
    simulate(1, [] {
        auto listener = tcp_listener::bind(endpoint::loopback_v4(80), {.backlog = 1});
        auto one = tcp_stream::connect(endpoint::loopback_v4(80)), two = tcp_stream::connect(endpoint::loopback_v4(80));
        auto third = ramie::spawn([] { return tcp_stream::connect(endpoint::loopback_v4(80)).has_value(); });
        CHECK_FALSE(third.wait_for(500ms));
        (void)listener->accept();
        CHECK(third.wait_for(10s));
        CHECK(third.get());
    });
}

TEST_CASE(
    "simulated TCP: after the last byte comes the end; who writes to one that has gone gets a reset, then EPIPE") {
    simulate(1, [] {
        auto listener = tcp_listener::bind(endpoint::loopback_v4(80));
        auto client = tcp_stream::connect(endpoint::loopback_v4(80));
        auto server = listener->accept();
        CHECK(client->write_all("bye").has_value());
        client->close();
        std::array<char, 10> part;
        CHECK(*server->read(std::span(part)) == 3);
        CHECK(*server->read(std::span(part)) == 0);
        CHECK(*server->write("x") == 1);  // into nothing
        ramie::this_fiber::sleep_for(1s);
        CHECK(error_in(server->write("x")) == std::errc::connection_reset);
        CHECK(error_in(server->write("x")) == std::errc::broken_pipe);
        CHECK(*server->read(std::span(part)) == 0);
    });
}

TEST_CASE("simulated TCP: one that closes with unread bytes, or is told so, resets the connection") {
    for (bool const told : {false, true}) {
        CAPTURE(told);
        simulate(1, [&] {
            auto listener = tcp_listener::bind(endpoint::loopback_v4(80));
            auto client = tcp_stream::connect(endpoint::loopback_v4(80));
            auto server = listener->accept();
            if (told)
                CHECK(server->set_reset_on_close(true).has_value());
            else
                CHECK(client->write_all("not read").has_value());
            ramie::this_fiber::sleep_for(1s);
            server->close();
            std::array<char, 10> part;
            CHECK(error_in(client->read(std::span(part))) == std::errc::connection_reset);
            CHECK(*client->read(std::span(part)) == 0);
        });
    }
}

TEST_CASE("simulated TCP: a torn connection fails on both sides") {
    simulate(1, [] {
        set_network({.reset_one_in = 1});
        (void)simulated_node::named("a");
        auto listener = tcp_listener::bind(endpoint::any_v4(80));
        auto other = simulated_node::named("a").spawn([] {
            auto client = tcp_stream::connect("test", 80);
            std::array<char, 10> part;
            (void)client->write("x");
            return error_in(client->read(std::span(part)));
        });
        auto server = listener->accept();
        std::array<char, 10> part;
        CHECK(error_in(server->read(std::span(part))) == std::errc::connection_reset);
        CHECK(other.get() == std::errc::connection_reset);
    });
}

TEST_CASE(
    "simulated TCP: while two machines are cut off, bytes wait; after a quarter of an hour the connection fails") {
    simulate(1, [] {
        auto const a = with_echo("a");
        auto stream = tcp_stream::connect("a", 7);
        a.cut_off();
        CHECK(stream->write_all("waits").has_value());
        std::array<char, 10> part;
        CHECK_FALSE(ramie::timeout(60s, [&] { return stream->read(std::span(part)); }).has_value());
        a.join_all();
        CHECK(*stream->read(std::span(part)) == 5);
        a.cut_off();
        CHECK(stream->write_all("never").has_value());
        CHECK(error_in(stream->read(std::span(part))) == std::errc::timed_out);
    });
}

TEST_CASE("simulated TCP: lost packets make it slow, and lose nothing") {
    auto const text = long_text();
    explore(20, [&] {
        set_network({.lost_one_in = 5});
        (void)with_echo("a");
        auto stream = tcp_stream::connect("a", 7);
        REQUIRE(stream.has_value());
        REQUIRE(echoed(*stream, text) == text);
    });
}

TEST_CASE("simulated TCP: accept sits out a shortage of descriptors") {
    explore(20, [] {
        set_network({.accept_fails_one_in = 2});
        (void)with_echo("a");
        for (int i = 0; i < 5; ++i) {
            auto stream = tcp_stream::connect("a", 7);
            REQUIRE(stream.has_value());
            REQUIRE(echoed(*stream, "x") == "x");
        }
    });
}

TEST_CASE("simulated TCP: an abort and a timeout leave the socket usable; a close ends what waits") {
    simulate(1, [] {
        (void)with_echo("a");
        auto stream = tcp_stream::connect("a", 7);
        std::array<char, 10> part;
        CHECK_FALSE(ramie::timeout(1s, [&] { return stream->read(std::span(part)); }).has_value());
        auto reader = ramie::spawn([&] { return stream->read(std::span(part)); });
        ramie::this_fiber::sleep_for(1s);
        reader.abort();
        CHECK(reader.join().error().is_cancelled());
        CHECK(stream->write_all("hello").has_value());
        CHECK(*stream->read(std::span(part)) == 5);
        auto closed = ramie::spawn([&] { return error_in(stream->read(std::span(part))); });
        ramie::this_fiber::sleep_for(1s);
        stream->close();
        CHECK(closed.get() == std::errc::operation_canceled);
    });
}

TEST_CASE("simulated TCP: what is not simulated is refused and named") {
    simulate(1, [] {
        CHECK_THROWS_WITH_AS((void)ramie::make_pipe(), doctest::Contains("make_pipe in a simulation is refused"),
                             std::logic_error);
        CHECK_THROWS_WITH_AS((void)ramie::unix_stream::connect(ramie::unix_endpoint::path("/x").value()),
                             doctest::Contains("unix_stream::connect"), std::logic_error);
        CHECK_THROWS_WITH_AS((void)ramie::read_file("/etc/hostname"), doctest::Contains("a call on a file"),
                             std::logic_error);
    });
    CHECK_THROWS_AS((void)simulated_node::named("a"), std::logic_error);
    CHECK_THROWS_AS(set_network({}), std::logic_error);
}

TEST_CASE("simulated TCP: a socket may outlive its simulation") {
    std::optional<tcp_listener> listener;
    simulate(1, [&] { listener.emplace(*tcp_listener::bind(endpoint::loopback_v4(80))); });
    CHECK(error_in(listener->accept()) == std::errc::bad_file_descriptor);
    listener.reset();
}
