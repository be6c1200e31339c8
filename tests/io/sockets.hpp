// Shared by the socket tests: runtimes of every shape, connected pairs, and a peer made of plain system calls, so that
// the test chooses its every packet.
#pragma once

#include <ramie/runtime.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ramie::testing {

using namespace std::chrono_literals;

inline std::size_t open_descriptors() {
    // libuv makes a pipe for signals with the first loop, and keeps it.
    [[maybe_unused]] static bool const made = (ramie::runtime({.workers = 1}), true);
    std::size_t n = 0;
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/fd")) n += each.is_symlink() ? 1 : 0;
    return n;
}

// Runs f as the root task with one, two and four workers, and on the calling thread. No descriptor may be left behind.
template <class F>
void on_each_runtime(F&& f) {
    auto const before = open_descriptors();
    for (unsigned const workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, f);
        CHECK(open_descriptors() == before);
    }
    ramie::run({.current_thread = true}, f);
    CHECK(open_descriptors() == before);
}

inline tcp_listener listener_on_loopback(listen_options const& options = {}) {
    return tcp_listener::bind(endpoint::loopback_v4(0), options).value();
}

struct connected_pair {
    tcp_stream here, there;
};

inline connected_pair connect_pair() {
    auto listener = listener_on_loopback();
    auto here = tcp_stream::connect(listener.local_endpoint()).value();
    return {std::move(here), listener.accept().value()};
}

// The error; none if there is a value.
template <class T, class E>
E error_in(std::expected<T, E> const& result) {
    return result ? E{} : result.error();
}

// More bytes than the buffers of two sockets hold.
inline std::span<std::byte const> too_much() {
    static std::vector<std::byte> const zeros(64 * 1024 * 1024);
    return zeros;
}

// Long enough for a spawned task to run and park. On a slow machine a test then tests less, but does not fail.
inline void let_others_park() { this_fiber::sleep_for(2ms); }

inline std::string text_from(tcp_stream& s, std::size_t most = 4096) {
    std::string text(most, '\0');
    text.resize(s.read(text).value());
    return text;
}

inline std::string all_text_from(tcp_stream& s) {
    std::string all;
    for (auto part = text_from(s); !part.empty(); part = text_from(s)) all += part;
    return all;
}

class raw_peer {
  public:
    // Connects, blocking; the connection need not be accepted for that.
    explicit raw_peer(endpoint const& to) : fd_(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        REQUIRE(fd_ >= 0);
        REQUIRE(::connect(fd_, to.data(), to.size()) == 0);
    }
    raw_peer(raw_peer const&) = delete;
    raw_peer& operator=(raw_peer const&) = delete;
    ~raw_peer() { close(); }

    void send(std::string_view text) { REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == std::ssize(text)); }
    // The text and the end of the stream, in one packet.
    void send_and_end(std::string_view text) {
        option(IPPROTO_TCP, TCP_CORK, 1);
        send(text);
        REQUIRE(::shutdown(fd_, SHUT_WR) == 0);
    }
    // Ends the connection by RST.
    void reset() {
        linger const at_once{1, 0};
        REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
        close();
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void option(int level, int name, int value) {
        REQUIRE(::setsockopt(fd_, level, name, &value, sizeof value) == 0);
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

// A raw peer of an accepted stream.
struct raw_pair {
    tcp_listener listener = listener_on_loopback();
    raw_peer peer{listener.local_endpoint()};
    tcp_stream stream = listener.accept().value();
};

// For calls that return soon or never: turns a hang into a failure.
template <class F>
auto soon(F&& f) {
    return ramie::timeout(20s, std::forward<F>(f)).value();
}

}  // namespace ramie::testing
