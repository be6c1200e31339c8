// Connecting to a host whose addresses become known one after the other.
#include "sockets.hpp"
#include "stub_resolver.hpp"

#include <ramie/resolve.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>

#include <cstdio>
#include <string>

#include <netdb.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_listener;
using ramie::tcp_stream;
using stub = stub_resolver;

namespace {

// Listens on both addresses of this machine, with one port.
struct both_listeners {
    tcp_listener v4 = tcp_listener::bind(endpoint::loopback_v4(0)).value();
    tcp_listener v6 = tcp_listener::bind(endpoint::loopback_v6(v4.local_port()), {.v6_only = true}).value();
    std::uint16_t port() const { return v4.local_port(); }
};

ramie::connect_options options_from(endpoint const& local) {
    return {.local = local, .stagger = 10ms};
}

void say(std::string const& what) {
    std::puts(what.c_str());
    std::fflush(stdout);
}

void check_output(child_end const& end, std::string const& output) {
    if (end.exited_with(42))
        MESSAGE("skipped: no network namespace may be made here");
    else
        CHECK(end.output == output);
}

}  // namespace

TEST_CASE("name questions: the first family that is known is connected to, however long the other takes (in a child "
          "that dies)") {
    auto const end = in_own_network({{'a', stub::only_v4}, {'b', stub::only_v6}}, "timeout:30 attempts:5", [](stub&) {
        ramie::run({.workers = 2}, [] {
            both_listeners const here;
            for (auto const* host : {"a.test", "b.test"}) {
                auto all = ramie::spawn([&] { return ramie::resolve(host, here.port()).has_value(); });
                auto const stream = soon([&] { return tcp_stream::connect(host, here.port(), {.stagger = 10ms}); });
                say(stream ? stream->peer_endpoint().value().address() : stream.error().message());
                say(all.is_finished() ? "all are known" : "the other family is not known yet");
            }
            auto const only_v4 = options_from(endpoint::loopback_v4(0));
            say(soon([&] { return tcp_stream::connect("a.test", here.port(), only_v4); }) ? "from here" : "?");
            ::_exit(0);
        });
    });
    check_output(end,
                 "127.0.0.1\nthe other family is not known yet\n::1\nthe other family is not known yet\nfrom here\n");
}

TEST_CASE("name questions: a host that is soon known costs one look-up (in a child that dies)") {
    auto const end = in_own_network({{'f', stub::found}}, "timeout:30 attempts:5", [](stub& server) {
        ramie::run({.workers = 2}, [&] {
            // 192.0.2.7 cannot be reached from here.
            say(error_in(soon([] { return tcp_stream::connect("found.test", 80, {.stagger = 10s}); })).message());
            say(std::to_string(server.asked()) + " questions");
        });
    });
    check_output(end, "Network is unreachable\n2 questions\n");
}

TEST_CASE("name questions: a host without an address fails as resolve() does (in a child that dies)") {
    auto const end = in_own_network(
        {{'f', stub::found}, {'g', stub::no_such_name}, {'n', stub::nothing_of_that_kind}, {'s', stub::silence}},
        "timeout:1 attempts:1", [](stub&) {
            ramie::run({.workers = 2}, [] {
                for (auto const* host : {"gone.test", "none.test", "silent.test"}) {
                    auto const connected = soon([&] { return tcp_stream::connect(host, 80, {.stagger = 10ms}); });
                    auto const known = ramie::resolve(host, 80);
                    say(error_in(connected) == error_in(known) ? error_in(known).message()
                                                               : error_in(connected).message() + " ?");
                }
                auto const from_v6 = options_from(endpoint::loopback_v6(0));
                say(error_in(tcp_stream::connect("found.test", 80, from_v6)).message());
            });
        });
    check_output(end, "Name or service not known\nNo address associated with hostname\n"
                      "Temporary failure in name resolution\nAddress family not supported by protocol\n");
}

TEST_CASE("name questions: an abort or a timeout gives all of them up (in a child that dies)") {
    auto const end = in_own_network({{'s', stub::silence}}, "timeout:30 attempts:5", [](stub& server) {
        ramie::runtime rt({.workers = 2, .max_blocking_threads = 16});
        rt.block_on([&] {
            auto const connect = [] { (void)tcp_stream::connect("silent.test", 80, {.stagger = 10ms}); };
            auto asker = ramie::spawn(connect);
            while (server.asked() < 4) ramie::this_fiber::sleep_for(1ms);  // for both, and for each
            say(soon([&] { return asker.abort_and_join(); }) ? "?" : "aborted");
            say(std::to_string(rt.metrics().blocking_left_behind) + " left behind");
            say(ramie::timeout(20ms, connect) ? "?" : "timed out");
            ::_exit(0);
        });
    });
    check_output(end, "aborted\n3 left behind\ntimed out\n");
}
