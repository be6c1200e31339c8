// Socket activation. Each case runs in a process of its own, since passed descriptors are handed out only once.
#include "child_process.hpp"
#include "sockets.hpp"

#include <ramie/listen_fds.hpp>
#include <ramie/unix_stream.hpp>

#include <cstdlib>
#include <string>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::listen_fds;
using ramie::unique_fd;

namespace {

struct environment {
    char const *pid, *count, *names;
};

// f() in a child in which descriptors 3 .. 3 + open - 1 are sockets that listen.
template <class F>
child_end activated(int open, environment const& e, F&& f) {
    return in_child([&] {
        for (int fd = 3; fd < 3 + open; ++fd) {
            int const listening = ::socket(AF_INET, SOCK_STREAM, 0);
            if (::listen(listening, 5) != 0) ::_exit(100);
            if (listening != fd && ::dup2(listening, fd) != fd) ::_exit(101);
        }
        ::close(3 + open);
        auto const set = [](char const* name, char const* value) {
            if (value == nullptr) ::unsetenv(name);
            else ::setenv(name, std::string(value) == "us" ? std::to_string(::getpid()).c_str() : value, 1);
        };
        set("LISTEN_PID", e.pid);
        set("LISTEN_FDS", e.count);
        set("LISTEN_FDNAMES", e.names);
        ::_exit(f() ? 0 : 1);
    });
}

bool has_none() { return listen_fds().has_value() && listen_fds()->empty(); }

template <ramie::listen_fds_errc Why>
bool fails() {
    auto const got = listen_fds();
    return !got && got.error() == Why && !got.error().message().empty();
}

}  // namespace

TEST_CASE("listen_fds: passed sockets come once, in order, by name, and are taken over (in a child that dies)") {
    auto const end = activated(2, {"us", "2", "http:admin"}, [] {
        auto passed = listen_fds();
        if (!passed || passed->size() != 2) return false;
        auto &first = passed->at(0), &second = passed->at(1);
        if (first.name != "http" || second.name != "admin" || first.fd.get() != 3 || second.fd.get() != 4) return false;
        if ((::fcntl(3, F_GETFD) & FD_CLOEXEC) == 0) return false;
        if (!listen_fds()->empty()) return false;
        return ramie::run({.workers = 1}, [&] {
            auto listener = ramie::tcp_listener::adopt(std::move(first.fd)).value();
            auto client = ramie::tcp_stream::connect(ramie::endpoint::loopback_v4(listener.local_port())).value();
            auto wrong = ramie::unix_listener::adopt(std::move(second.fd));
            return listener.accept().has_value() && error_in(wrong) == std::errc::wrong_protocol_type;
        });
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("listen_fds: none are passed, or to another process, or without names (in a child that dies)") {
    CHECK(activated(1, {nullptr, "1", nullptr}, has_none).exited_with(0));
    CHECK(activated(1, {"1", "1", nullptr}, has_none).exited_with(0));
    CHECK(activated(0, {"us", "0", nullptr}, has_none).exited_with(0));
    CHECK(activated(0, {"us", "0", ""}, has_none).exited_with(0));
    CHECK(activated(1, {"us", "1", nullptr}, [] { return listen_fds()->at(0).name == "unknown"; }).exited_with(0));
    CHECK(activated(1, {"us", "1", ""}, [] { return listen_fds()->at(0).name.empty(); }).exited_with(0));
}

TEST_CASE("listen_fds: values that cannot be are errors, and hand out nothing (in a child that dies)") {
    using enum ramie::listen_fds_errc;
    for (auto const* bad : {"", "x", "0", "-5", "12x", "99999999999999"})
        CHECK(activated(1, {bad, "1", nullptr}, fails<bad_pid>).exited_with(0));
    for (auto const* bad : {"", "x", "-1", "1 ", "2147483647"})
        CHECK(activated(1, {"us", bad, nullptr}, fails<bad_count>).exited_with(0));
    CHECK(activated(1, {"us", nullptr, nullptr}, fails<bad_count>).exited_with(0));
    for (auto const* bad : {"a", "a:b:c", ""})
        CHECK(activated(2, {"us", "2", bad}, fails<bad_names>).exited_with(0));
    CHECK(activated(1, {"us", "2", "a:b"}, fails<not_open>).exited_with(0));
    auto const corrected = activated(1, {"us", "2", nullptr}, [] {
        if (listen_fds().has_value()) return false;
        ::setenv("LISTEN_FDS", "1", 1);
        return listen_fds()->size() == 1;
    });
    CHECK(corrected.exited_with(0));
}
