// How TCP sockets are made and taken over.
#include "full_listener.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_listener;
using ramie::tcp_stream;
using ramie::unique_fd;

namespace {

int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(::getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

}  // namespace

TEST_CASE("tcp options: a connection from a given address, with buffers and probes as wished") {
    ramie::run({.workers = 2}, [] {
        auto listener = listener_on_loopback();
        auto const here = endpoint::parse("127.0.0.2:0").value();
        auto const stream = tcp_stream::connect(listener.local_endpoint(), {.local = here,
                                                                             .nodelay = false,
                                                                             .keepalive = true,
                                                                             .keepalive_idle = 99s,
                                                                             .send_buffer = 40'000,
                                                                             .receive_buffer = 50'000})
                                .value();
        CHECK(stream.local_endpoint()->address() == "127.0.0.2");
        CHECK(listener.accept()->peer_endpoint()->address() == "127.0.0.2");
        auto const fd = stream.native_handle();
        CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
        CHECK(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 99);
        CHECK(option_of(fd, SOL_SOCKET, SO_SNDBUF) >= 40'000);
        CHECK(option_of(fd, SOL_SOCKET, SO_RCVBUF) >= 50'000);
        auto const plain = tcp_stream::connect(listener.local_endpoint()).value();
        CHECK(option_of(plain.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 1);
    });
}

TEST_CASE("tcp options: by name, only addresses of the wished family are tried; what is out of range is said") {
    ramie::run({.workers = 2}, [] {
        auto listener = listener_on_loopback();
        auto const port = listener.local_port();
        auto const from = endpoint::parse("127.0.0.3:0").value();
        CHECK(tcp_stream::connect("localhost", port, {.local = from})->local_endpoint()->address() == "127.0.0.3");
        CHECK(error_in(tcp_stream::connect("127.0.0.1", port, {.local = endpoint::loopback_v6(0)})) ==
              std::errc::address_family_not_supported);
        auto const foreign = endpoint::parse("192.0.2.1:0").value();
        CHECK(error_in(tcp_stream::connect("127.0.0.1", port, {.local = foreign})) == std::errc::address_not_available);
        for (auto const bad : {9ms, 10'001ms, -1ms})
            CHECK(error_in(tcp_stream::connect("127.0.0.1", port, {.stagger = bad})) == std::errc::invalid_argument);
        CHECK(error_in(tcp_stream::connect("127.0.0.1", port, {.send_buffer = -1})) == std::errc::invalid_argument);
    });
}

TEST_CASE("tcp options: a listener for IPv6 alone, or for both; deferred accepts; data with the first packet") {
    ramie::run({.workers = 1}, [] {
        auto const both = tcp_listener::bind(endpoint::any_v6(0), {.v6_only = false});
        if (!both) {
            MESSAGE("skipped: this machine has no IPv6");
            return;
        }
        CHECK(tcp_stream::connect(endpoint::loopback_v4(both->local_port())).has_value());
        auto const only = tcp_listener::bind(endpoint::any_v6(0), {.v6_only = true}).value();
        CHECK(error_in(tcp_stream::connect(endpoint::loopback_v4(only.local_port()))) == std::errc::connection_refused);
        auto const special = listener_on_loopback({.defer_accept = 5s, .fast_open = 16});
        CHECK(option_of(special.native_handle(), IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
        CHECK(option_of(special.native_handle(), IPPROTO_TCP, TCP_FASTOPEN) == 16);
    });
}

TEST_CASE("tcp options: a close that resets throws away what was not sent; without it all arrives") {
    on_each_runtime([] {
        for (bool const resets : {true, false}) {
            auto pair = connect_pair();
            CHECK(pair.here.set_reset_on_close(true).has_value());
            CHECK(pair.here.set_reset_on_close(resets).has_value());
            CHECK(pair.here.write_all("last words").has_value());
            auto reader = ramie::spawn([&] {
                std::string all;
                char b[100];
                for (;;) {
                    auto const n = pair.there.read(b);
                    if (!n) return n.error().message();
                    if (*n == 0) return all;
                    all.append(b, *n);
                }
            });
            let_others_park();
            pair.here.close();
            auto const end = soon([&] { return reader.get(); });
            CHECK(end == (resets ? std::make_error_code(std::errc::connection_reset).message() : "last words"));
        }
    });
}

TEST_CASE("tcp options: sockets of another maker are taken over, or refused and closed") {
    ramie::run({.workers = 2}, [] {
        auto const before = open_descriptors();
        {
            unique_fd raw(::socket(AF_INET, SOCK_STREAM, 0));
            CHECK(error_in(tcp_listener::adopt(unique_fd(::dup(raw.get())))) == std::errc::invalid_argument);
            CHECK(error_in(tcp_stream::adopt(unique_fd(::dup(raw.get())))) == std::errc::not_connected);
            auto const at = endpoint::loopback_v4(0);
            REQUIRE(::bind(raw.get(), at.data(), at.size()) == 0);
            REQUIRE(::listen(raw.get(), 10) == 0);
            auto listener = tcp_listener::adopt(std::move(raw)).value();
            CHECK((::fcntl(listener.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(listener.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(listener.local_port() != 0);

            unique_fd client(::socket(AF_INET, SOCK_STREAM, 0));
            auto const to = listener.local_endpoint();
            REQUIRE(::connect(client.get(), to.data(), to.size()) == 0);
            auto accepted = listener.accept().value();
            CHECK(option_of(accepted.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 1);
            CHECK(error_in(tcp_listener::adopt(unique_fd(::dup(client.get())))) == std::errc::invalid_argument);
            CHECK(error_in(ramie::tcp_stream::adopt(unique_fd(::socket(AF_INET, SOCK_DGRAM, 0)))) ==
                  std::errc::not_connected);
            auto stream = tcp_stream::adopt(std::move(client)).value();
            CHECK(stream.write_all("adopted").has_value());
            CHECK(text_from(accepted) == "adopted");
            CHECK(error_in(tcp_stream::adopt(unique_fd(::dup(STDERR_FILENO)))) == std::errc::not_a_socket);
            CHECK(error_in(tcp_stream::adopt(unique_fd())) == std::errc::bad_file_descriptor);
        }
        CHECK(open_descriptors() == before);
    });
    CHECK_THROWS_AS((void)tcp_stream::adopt(unique_fd()), ramie::no_runtime);
}
