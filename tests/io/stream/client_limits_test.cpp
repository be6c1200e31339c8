// Too many clients, and clients that are too slow.
#include "sockets.hpp"

#include <ramie/client_limits.hpp>
#include <ramie/copy.hpp>
#include <ramie/spawn.hpp>

#include <stdexcept>
#include <string>

using namespace ramie::testing;
using ramie::client_gate;
using ramie::client_limits;

namespace {

struct admitted_pair {
    ramie::tcp_stream client;
    ramie::limited_stream<ramie::tcp_stream> server;
};

admitted_pair admit_one(client_gate& gate) {
    auto [here, there] = connect_pair();
    return {std::move(here), gate.admit(std::move(there)).value()};
}

std::error_code end_of(auto&& result) {
    return result ? std::error_code() : std::error_code(result.error());
}

}  // namespace

TEST_CASE("client limits: a stream that keeps to them is as the stream below") {
    on_each_runtime([] {
        client_gate gate({.idle = 20s, .header = 20s, .request = 20s});
        auto p = admit_one(gate);
        CHECK(p.client.write_all("good day").has_value());
        std::string text(8, ' ');
        p.server.request_begins();
        CHECK(p.server.read_exactly(text).value() == 8);
        CHECK(text == "good day");
        p.server.header_is_complete();
        CHECK(p.server.write_all("and to you").value() == 10);
        p.server.request_is_over();
        CHECK(p.server.shutdown_write().has_value());
        CHECK(all_text_from(p.client) == "and to you");
        p.client.close();
        CHECK(p.server.read(text).value() == 0);
    });
}

TEST_CASE("client limits: a client too many is closed, and a client that goes makes room") {
    on_each_runtime([] {
        client_gate gate({.connections = 2});
        auto first = std::make_optional(admit_one(gate));
        auto second = admit_one(gate);
        auto [here, there] = connect_pair();
        CHECK_FALSE(gate.admit(std::move(there)));
        CHECK(soon([&] { return all_text_from(here); }).empty());  // the client sees it at once
        CHECK(gate.open() == 2);
        CHECK(gate.refused() == 1);
        auto moved = std::move(second.server);
        CHECK(gate.open() == 2);
        first.reset();
        CHECK(gate.open() == 1);
        auto third = admit_one(gate);
        CHECK(gate.refused() == 1);
    });
    // The streams may outlive the gate.
    ramie::run([] {
        std::optional<admitted_pair> left;
        {
            client_gate gate({.connections = 1});
            left.emplace(admit_one(gate));
        }
        CHECK(left->server.write_all("x").has_value());
    });
}

TEST_CASE("client limits: an idle client is waited for only so long, reading and writing, and may go on") {
    on_each_runtime([] {
        client_gate gate({.idle = 10ms});
        auto p = admit_one(gate);
        char b[1];
        CHECK(end_of(soon([&] { return p.server.read(b); })) == std::errc::timed_out);
        CHECK(end_of(soon([&] { return p.server.write_all(too_much()); })) == std::errc::timed_out);
        CHECK(p.client.write_all("x").has_value());
        std::size_t count = 0;
        while (count == 0) count = soon([&] { return p.server.read(b); }).value_or(0);
        CHECK(count == 1);
    });
}

TEST_CASE("client limits: while one way moves the other may wait") {
    using clock = std::chrono::steady_clock;
    constexpr auto idle = 50ms;
    ramie::run({.workers = 2}, [&] {
        client_gate gate({.idle = idle});
        for (int attempt = 0; attempt < 100; ++attempt) {
            auto p = admit_one(gate);
            clock::time_point ended;
            auto reader = ramie::spawn([&] {
                char b[1];
                auto const end = end_of(p.server.read(b));
                ended = clock::now();
                return end;
            });
            ramie::this_fiber::sleep_for(20ms);
            auto const moved = clock::now();
            CHECK(p.server.write("x").has_value());
            CHECK(soon([&] { return reader.get(); }) == std::errc::timed_out);
            if (ended < moved) continue;  // this fiber came too late
            CHECK(ended - moved >= idle);
            return;
        }
        FAIL("the machine is too busy");
    });
}

TEST_CASE("client limits: a header that comes byte by byte has an end, although the client is never idle") {
    on_each_runtime([] {
        client_gate gate({.idle = 20s, .header = 30ms});
        auto p = admit_one(gate);
        auto drip = ramie::spawn([&] {
            while (p.client.write_all("x").has_value()) ramie::this_fiber::sleep_for(1ms);
        });
        p.server.request_begins();
        std::error_code end;
        char b[1];
        soon([&] {
            while (!(end = end_of(p.server.read(b)))) p.server.request_begins();  // the request has begun already
        });
        CHECK(end == std::errc::timed_out);
        // With its header complete, or its answer sent, there is time again.
        p.server.header_is_complete();
        CHECK(soon([&] { return p.server.read(b); }).has_value());
        p.server.request_is_over();
        CHECK(soon([&] { return p.server.read(b); }).has_value());
        drip.abort();
        (void)drip.join();
    });
}

TEST_CASE("client limits: a request that is never complete, or an answer that is never read, has an end") {
    on_each_runtime([] {
        for (bool const reads : {true, false}) {
            client_gate gate({.idle = 20s, .request = 30ms});
            auto p = admit_one(gate);
            p.server.request_begins();
            p.server.header_is_complete();
            char b[1];
            auto const end =
                soon([&] { return reads ? end_of(p.server.read(b)) : end_of(p.server.write_all(too_much())); });
            CHECK(end == std::errc::timed_out);
        }
    });
}

TEST_CASE("client limits: an abort and an outer timeout come through") {
    on_each_runtime([] {
        client_gate gate({.idle = 20s});
        auto p = admit_one(gate);
        char b[1];
        CHECK_FALSE(ramie::timeout(5ms, [&] { return p.server.read(b); }).has_value());
        auto reader = ramie::spawn([&] { (void)p.server.read(b); });
        let_others_park();
        CHECK(soon([&] { return reader.abort_and_join(); }).error().is_cancelled());
    });
}

TEST_CASE("client limits: a proxy's two ways end when nothing moves") {
    on_each_runtime([] {
        client_gate gate({.idle = 20ms});
        auto left = admit_one(gate), right = admit_one(gate);
        auto const end = soon([&] { return ramie::copy_bidirectional(left.server, right.server); });
        CHECK(end.error().code == std::errc::timed_out);
    });
}

TEST_CASE("client limits: what is out of range is named") {
    CHECK_THROWS_WITH_AS(client_gate({.connections = 0}), doctest::Contains("connections is 0"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(client_gate({.idle = -1s}), doctest::Contains("idle is negative"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(client_gate({.header = -1s}), doctest::Contains("header is negative"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(client_gate({.request = -1s}), doctest::Contains("request is negative"),
                         std::invalid_argument);
}
