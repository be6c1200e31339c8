// Connections: how they are made.
#include "sockets.hpp"

#include <ramie/resolve.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>

#include <thread>
#include <vector>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_listener;
using ramie::tcp_stream;

namespace {

int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(::getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

// A port without a listener.
endpoint closed_port() {
    auto const listener = listener_on_loopback();
    return listener.local_endpoint();
}

}  // namespace

TEST_CASE("tcp: connect, accept, write, read, both ways, to the end") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto server = ramie::spawn([&] {
            auto client = listener.accept().value();
            CHECK(client.write_all("and good day to you").value() == 19);
            CHECK(client.shutdown_write().has_value());
            return all_text_from(client);
        });
        auto stream = tcp_stream::connect(listener.local_endpoint()).value();
        CHECK(stream.write_all("good day").value() == 8);
        CHECK(stream.shutdown_write().has_value());
        CHECK(all_text_from(stream) == "and good day to you");
        CHECK(server.get() == "good day");
    });
}

TEST_CASE("tcp: each end knows its own endpoint and the other's") {
    ramie::run({.workers = 2}, [] {
        auto listener = listener_on_loopback();
        CHECK(listener.local_port() != 0);
        CHECK(listener.local_endpoint().address() == "127.0.0.1");
        auto stream = tcp_stream::connect(listener.local_endpoint()).value();
        auto accepted = listener.accept().value();
        CHECK(stream.peer_endpoint().value() == listener.local_endpoint());
        CHECK(accepted.local_endpoint().value() == listener.local_endpoint());
        CHECK(accepted.peer_endpoint().value() == stream.local_endpoint().value());
    });
}

TEST_CASE("tcp: over IPv6, and by name") {
    ramie::run({.workers = 2}, [] {
        auto v6 = tcp_listener::bind(endpoint::loopback_v6(0));
        if (v6) {
            auto stream = tcp_stream::connect(v6->local_endpoint()).value();
            CHECK(v6->accept().value().peer_endpoint().value().is_v6());
        }
        // The name may have two addresses; only one of them is listened on.
        auto v4 = listener_on_loopback();
        auto stream = tcp_stream::connect("localhost", v4.local_port());
        CHECK(stream.has_value());
        auto named = tcp_listener::bind("localhost", 0).value();
        CHECK(tcp_stream::connect("localhost", named.local_port()).has_value());
        CHECK(tcp_listener::bind("127.0.0.1", 0).has_value());
        CHECK(error_in(tcp_listener::bind("no host has a space", 0)).category() == ramie::resolve_category());
        CHECK(error_in(tcp_stream::connect("no host has a space", 1)).category() == ramie::resolve_category());
    });
}

TEST_CASE("tcp: a refused connection is an error") {
    on_each_runtime([] {
        CHECK(error_in(tcp_stream::connect(closed_port())) == std::errc::connection_refused);
        CHECK(error_in(tcp_stream::connect("127.0.0.1", closed_port().port())) == std::errc::connection_refused);
    });
}

TEST_CASE("tcp: a port in use, an address that is not ours") {
    ramie::run({.workers = 1}, [] {
        auto const listener = listener_on_loopback();
        CHECK(error_in(tcp_listener::bind(listener.local_endpoint())) == std::errc::address_in_use);
        CHECK(error_in(tcp_listener::bind(endpoint::parse("192.0.2.1:0").value())) == std::errc::address_not_available);
        auto const shared = tcp_listener::bind(endpoint::loopback_v4(0), {.reuse_port = true}).value();
        CHECK(tcp_listener::bind(shared.local_endpoint(), {.reuse_port = true}).has_value());
        CHECK(error_in(tcp_listener::bind(shared.local_endpoint())) == std::errc::address_in_use);
    });
}

TEST_CASE("tcp: sockets are non-blocking, close-on-exec and without delay, accepted ones too") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        for (auto* const each : {&pair.here, &pair.there}) {
            auto const fd = each->native_handle();
            CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
        }
        CHECK(pair.here.set_nodelay(false).has_value());
        CHECK(option_of(pair.here.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 0);
        CHECK(pair.here.set_keepalive(true, 77s).has_value());
        CHECK(option_of(pair.here.native_handle(), SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option_of(pair.here.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE) == 77);
        CHECK(pair.here.set_keepalive(false).has_value());
        CHECK(option_of(pair.here.native_handle(), SOL_SOCKET, SO_KEEPALIVE) == 0);
    });
}

TEST_CASE("tcp: outside a runtime a socket cannot be made, and the error says so") {
    CHECK_THROWS_AS((void)tcp_stream::connect(endpoint::loopback_v4(1)), ramie::no_runtime);
    CHECK_THROWS_WITH_AS((void)tcp_listener::bind(endpoint::loopback_v4(0)),
                         doctest::Contains("tcp_listener::bind was called on a thread that belongs to no runtime"),
                         ramie::no_runtime);
}

TEST_CASE("tcp: a plain thread accepts, reads and writes as long as a runtime watches the socket") {
    ramie::runtime rt({.workers = 2});
    auto listener = rt.block_on([] { return listener_on_loopback(); });
    auto client = rt.spawn([to = listener.local_endpoint()] {
        auto stream = tcp_stream::connect(to).value();
        let_others_park();
        CHECK(stream.write_all("from a fiber").has_value());
        return text_from(stream);
    });
    auto stream = listener.accept().value();
    CHECK(text_from(stream) == "from a fiber");
    let_others_park();
    CHECK(stream.write_all("from a thread").has_value());
    CHECK(client.get() == "from a thread");
    CHECK_FALSE(ramie::timeout(1ms, [&] { return listener.accept().has_value(); }).has_value());
    std::jthread closer([&] { listener.close(); });
    auto const late = listener.accept();
    CHECK((error_in(late) == std::errc::operation_canceled || error_in(late) == std::errc::bad_file_descriptor));
}

TEST_CASE("tcp: a thread of the blocking pool may make sockets and use them") {
    ramie::run({.workers = 1}, [] {
        auto listener = listener_on_loopback();
        auto job = ramie::spawn_blocking([to = listener.local_endpoint()] {
            auto stream = tcp_stream::connect(to).value();
            return text_from(stream);
        });
        auto accepted = listener.accept().value();
        let_others_park();
        CHECK(accepted.write_all("hello, pool").has_value());
        CHECK(job.get() == "hello, pool");
    });
}

TEST_CASE("tcp: operations on a stream that was moved from say that it is closed") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        auto const taken = std::move(pair.here);
        CHECK(error_in(pair.here.write("x")) == std::errc::bad_file_descriptor);
        CHECK(error_in(pair.here.peer_endpoint()) == std::errc::bad_file_descriptor);
        CHECK(pair.here.native_handle() == -1);
        pair.here.close();
        CHECK(taken.native_handle() >= 0);
        CHECK(taken.peer_endpoint().has_value());
    });
}

TEST_CASE("tcp: a socket does not connect to itself: the connection is refused, and the port is free at once") {
    on_each_runtime([] {
        for (auto const& any_port : {endpoint::loopback_v4(0), endpoint::loopback_v6(0)}) {
            auto const nobody = tcp_listener::bind(any_port).value().local_endpoint();
            auto const to_itself = [&] { return tcp_stream::connect(nobody, {.local = nobody}); };
            CHECK(error_in(soon(to_itself)) == std::errc::connection_refused);
            int const fd = ::socket(nobody.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
            CHECK(::bind(fd, nobody.data(), nobody.size()) == 0);  // without SO_REUSEADDR
            ::close(fd);
        }
    });
}

TEST_CASE("tcp: the same port on another address is another socket") {
    on_each_runtime([] {
        // The port that is free on one address may be in use on the other: by a connection that has just ended, say.
        for (int tries = 0;; ++tries) {
            REQUIRE(tries < 100);
            auto listener = tcp_listener::bind(endpoint::parse("127.0.0.2:0").value()).value();
            auto const local = endpoint::loopback_v4(listener.local_port());
            auto const made = soon([&] { return tcp_stream::connect(listener.local_endpoint(), {.local = local}); });
            if (!made && made.error() == std::errc::address_in_use) continue;
            REQUIRE(made.has_value());
            CHECK(listener.accept().value().peer_endpoint().value() == local);
            break;
        }
    });
}
