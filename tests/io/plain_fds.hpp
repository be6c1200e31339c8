// Descriptors as foreign code uses them: plain, blocking, unknown to Ramie.
#pragma once

#include "sockets.hpp"

#include <ramie/posix.hpp>
#include <ramie/spawn.hpp>

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ramie::testing {

struct two_fds {
    int here = -1, there = -1;

    two_fds(int a, int b) : here(a), there(b) {}
    two_fds(two_fds const&) = delete;
    two_fds& operator=(two_fds const&) = delete;
    ~two_fds() {
        if (here >= 0) ::close(here);
        if (there >= 0) ::close(there);
    }
    void close_here() { ramie::posix::close(std::exchange(here, -1)); }
    void close_there() { ramie::posix::close(std::exchange(there, -1)); }
};

inline two_fds socket_pair(int type = SOCK_STREAM) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    return {ends[0], ends[1]};
}

// `here` is read from.
inline two_fds pipe_pair() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {ends[0], ends[1]};
}

// A blocking listener on a free port, and its address.
struct plain_listener {
    explicit plain_listener(int backlog = 64) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        REQUIRE(::bind(fd, name(), size) == 0);
        REQUIRE(::listen(fd, backlog) == 0);
        REQUIRE(::getsockname(fd, name(), &size) == 0);
    }
    plain_listener(plain_listener const&) = delete;
    plain_listener& operator=(plain_listener const&) = delete;
    ~plain_listener() {
        if (fd >= 0) ::close(fd);
    }
    sockaddr* name() { return reinterpret_cast<sockaddr*>(&at); }

    int fd;
    sockaddr_in at{};
};

// Writes until a socket has no more room.
inline void fill(int fd) {
    while (::send(fd, too_much().data(), 100'000, MSG_DONTWAIT) > 0) {}
    while (::send(fd, too_much().data(), 1, MSG_DONTWAIT) > 0) {}
}

// A call's result.
struct said {
    long result;
    int error;  // 0 unless the result is -1
    friend bool operator==(said, said) = default;
};
inline doctest::String toString(said s) {
    return doctest::toString(s.result) + " " + doctest::String(s.error != 0 ? std::strerror(s.error) : "");
}

template <class Call>
said result_of(Call&& call) {
    errno = 0;
    long const result = call();
    return {result, result == -1 ? errno : 0};
}

// f() in a fiber that waits when this returns (or, on a slow machine, is about to).
template <class F>
auto parked(F&& f) {
    auto handle = ramie::spawn(std::forward<F>(f));
    let_others_park();
    return handle;
}

}  // namespace ramie::testing
