// ramie::posix: receiving until all bytes are there. However the call ends, a fiber gets the same results as a thread.
#include "environment.hpp"
#include "plain_fds.hpp"

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <sys/un.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

two_fds tcp_pair() {
    plain_listener listener;
    int const here = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(here, listener.name(), sizeof listener.at) == 0);
    return {here, ::accept(listener.fd, nullptr, nullptr)};
}

// The receiver's results: each call's answer, and the bytes received.
struct seen {
    std::vector<said> answers;
    std::string bytes;
    socklen_t name_size = 0;
    friend bool operator==(seen const&, seen const&) = default;
};

// Asks for ten bytes, `calls` times.
using receive = std::function<ssize_t(int, char*, socklen_t*)>;
seen receive_ten(int fd, receive const& call, int calls) {
    seen all;
    for (int i = 0; i < calls; ++i) {
        char b[10];
        auto const answer = result_of([&] { return call(fd, b, &all.name_size); });
        if (answer.result > 0) all.bytes.append(b, static_cast<std::size_t>(answer.result));
        all.answers.push_back(answer);
    }
    return all;
}

template <bool Fiber>
ssize_t receive_message(int fd, char* into, socklen_t* name_size, int flags) {
    sockaddr_un from{};
    iovec parts[2] = {{into, 4}, {into + 4, 6}};
    alignas(cmsghdr) char control[256];
    msghdr m{};
    m.msg_name = &from;
    m.msg_namelen = sizeof from;
    m.msg_iov = parts;
    m.msg_iovlen = 2;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    auto const n = Fiber ? posix::recvmsg(fd, &m, flags) : ::recvmsg(fd, &m, flags);
    if (n > 0) *name_size = m.msg_namelen;
    return n;
}

template <bool Fiber>
std::vector<std::pair<char const*, receive>> all_forms() {
    return {{"recv",
             [](int fd, char* into, socklen_t*) {
                 return Fiber ? posix::recv(fd, into, 10, MSG_WAITALL) : ::recv(fd, into, 10, MSG_WAITALL);
             }},
            {"recvfrom",
             [](int fd, char* into, socklen_t* size) {
                 sockaddr_un from{};
                 *size = sizeof from;
                 auto* const name = reinterpret_cast<sockaddr*>(&from);
                 return Fiber ? posix::recvfrom(fd, into, 10, MSG_WAITALL, name, size)
                              : ::recvfrom(fd, into, 10, MSG_WAITALL, name, size);
             }},
            {"recvmsg", [](int fd, char* into, socklen_t* size) {
                 return receive_message<Fiber>(fd, into, size, MSG_WAITALL);
             }}};
}

// The peer's steps, one at a time; the receiver waits before each.
struct peer {
    char const* name;
    std::vector<std::function<void(two_fds&)>> steps;
    int calls = 1;
};
void say(two_fds& ends, char const* text) { (void)!::write(ends.there, text, std::strlen(text)); }
void reset(two_fds& ends) {
    linger const now{1, 0};
    ::setsockopt(ends.there, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(ends.there, -1));
}
std::vector<peer> const peers = {
    {"sends it piece by piece",
     {[](auto& e) { say(e, "abc"); }, [](auto& e) { say(e, "defghi"); }, [](auto& e) { say(e, "j"); }}},
    {"ends after a part", {[](auto& e) { say(e, "abc"); }, [](auto& e) { ::shutdown(e.there, SHUT_WR); }}, 2},
    {"ends at once", {[](auto& e) { ::shutdown(e.there, SHUT_WR); }}},
    {"breaks off after a part", {[](auto& e) { say(e, "abc"); }, [](auto& e) { reset(e); }}, 3},
    {"breaks off at once", {[](auto& e) { reset(e); }}, 2},
};

// For the tests with partial data.
void limit_wait(int fd) {
    timeval const limit{0, 30'000};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

}  // namespace

TEST_CASE("posix: MSG_WAITALL, in each form and whatever the peer does, says what it says to a thread") {
    auto const on_thread = all_forms<false>(), on_fiber = all_forms<true>();
    for (std::size_t form = 0; form < on_thread.size(); ++form) {
        for (auto const& p : peers) {
            for (bool const local : {true, false}) {
                auto const make = [&] { return local ? socket_pair() : tcp_pair(); };
                auto const name = std::string(on_thread[form].first) + ", peer " + p.name;
                CAPTURE(name);
                CAPTURE(local);
                seen expected, got;
                {
                    auto ends = make();
                    std::thread receiver(
                        [&] { expected = receive_ten(ends.here, on_thread[form].second, p.calls); });
                    for (auto const& step : p.steps) {
                        ::usleep(3000);
                        step(ends);
                    }
                    receiver.join();
                }
                ramie::run({.current_thread = true}, [&] {
                    auto ends = make();
                    auto receiver = ramie::spawn([&] { got = receive_ten(ends.here, on_fiber[form].second, p.calls); });
                    for (auto const& step : p.steps) {
                        let_others_park();
                        step(ends);
                    }
                    receiver.get();
                });
                CHECK(got.answers == expected.answers);
                CHECK(got.bytes == expected.bytes);
                CHECK(got.name_size == expected.name_size);
            }
        }
    }
}

TEST_CASE("posix: MSG_WAITALL from a sender with a name, with a time limit, on a non-blocking socket") {
    on_each_runtime([] {
        // A name is returned in full, though it came only with the first piece.
        two_fds named{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
        sockaddr_un listening{AF_UNIX, {}}, sender{AF_UNIX, {}};
        std::snprintf(listening.sun_path + 1, 60, "ramie-waitall-to-%d", ::getpid());
        std::snprintf(sender.sun_path + 1, 60, "ramie-waitall-%d", ::getpid());
        auto const* const at = reinterpret_cast<sockaddr*>(&listening);
        two_fds listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
        REQUIRE(::bind(listener.here, at, 40) == 0);
        REQUIRE(::listen(listener.here, 1) == 0);
        REQUIRE(::bind(named.here, reinterpret_cast<sockaddr*>(&sender), 40) == 0);
        REQUIRE(::connect(named.here, at, 40) == 0);
        named.there = ::accept(listener.here, nullptr, nullptr);
        sockaddr_un from{};
        socklen_t size = sizeof from;
        char b[10];
        auto waiting = parked([&] {
            return posix::recvfrom(named.there, b, 10, MSG_WAITALL, reinterpret_cast<sockaddr*>(&from), &size);
        });
        REQUIRE(::write(named.here, "01234", 5) == 5);
        let_others_park();
        CHECK(!waiting.is_finished());
        REQUIRE(::write(named.here, "56789", 5) == 5);
        CHECK(waiting.get() == 10);
        CHECK(size == 40);
        CHECK(std::memcmp(&from, &sender, 40) == 0);

        auto ends = socket_pair();
        limit_wait(ends.here);
        REQUIRE(::write(ends.there, "abc", 3) == 3);
        CHECK(result_of([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); }) == said{3, 0});
        CHECK(result_of([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); }) == said{-1, EAGAIN});

        ::fcntl(ends.here, F_SETFL, O_NONBLOCK);
        REQUIRE(::write(ends.there, "abc", 3) == 3);
        CHECK(result_of([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); }) == said{3, 0});
        CHECK(result_of([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); }) == said{-1, EAGAIN});
    });
}
