// libramie-hook, call by call: while a fiber waits in a call, other fibers run on its thread.
#include "plain_fds.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

using namespace ramie::testing;

namespace {

struct waiting_call {
    std::string name;
    std::function<long(int)> on;
};

fd_set set_of(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}

// A message of one byte.
struct short_message {
    short_message() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
    }
    char byte = 'm';
    iovec part{&byte, 1};
    msghdr header{};
};
template <class Call>
long with_message(Call&& call) {
    short_message one;
    return call(one);
}

long wait_in_epoll(int fd) {
    int const set = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    auto const result = ::epoll_wait(set, &event, 1, -1);
    ::close(set);
    return result;
}

bool has_blocking_pool() {
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(each.path() / "comm"), name);
        if (name == "ramie-blocking" || name == "ramie-names") return true;
    }
    return false;
}

}  // namespace

TEST_CASE("hook: a call that waits for something to read") {
    std::vector<waiting_call> const calls = {
        {"read", [](int fd) { return ::read(fd, std::array<char, 1>{}.data(), 1); }},
        {"readv", [](int fd) { return with_message([&](auto& m) { return ::readv(fd, &m.part, 1); }); }},
        {"recv", [](int fd) { return ::recv(fd, std::array<char, 1>{}.data(), 1, 0); }},
        {"recv of errors, which it has not",
         [](int fd) { return ::recv(fd, std::array<char, 1>{}.data(), 1, MSG_ERRQUEUE); }},
        {"recvfrom", [](int fd) { return ::recvfrom(fd, std::array<char, 1>{}.data(), 1, 0, nullptr, nullptr); }},
        {"recvmsg", [](int fd) { return with_message([&](auto& m) { return ::recvmsg(fd, &m.header, 0); }); }},
        {"recvmmsg",
         [](int fd) {
             short_message one;
             mmsghdr all{one.header, 0};
             return ::recvmmsg(fd, &all, 1, 0, nullptr);
         }},
        {"poll",
         [](int fd) {
             pollfd asked{fd, POLLIN, 0};
             return ::poll(&asked, 1, -1);
         }},
        {"ppoll",
         [](int fd) {
             pollfd asked{fd, POLLIN, 0};
             return ::ppoll(&asked, 1, nullptr, nullptr);
         }},
        {"select",
         [](int fd) {
             auto set = set_of(fd);
             return ::select(fd + 1, &set, nullptr, nullptr, nullptr);
         }},
        {"pselect",
         [](int fd) {
             auto set = set_of(fd);
             return ::pselect(fd + 1, &set, nullptr, nullptr, nullptr, nullptr);
         }},
        {"epoll_wait", wait_in_epoll}};
    ramie::run({.workers = 1}, [&] {
        for (auto const& call : calls) {
            CAPTURE(call.name);
            auto const ends = socket_pair();
            auto waiting = parked([&] { return call.on(ends.here); });
            CHECK(!waiting.is_finished());
            CHECK(::write(ends.there, "x", 1) == 1);
            CHECK(soon([&] { return waiting.get(); }) == 1);
        }
    });
}

TEST_CASE("hook: a call that waits for room") {
    std::vector<waiting_call> const calls = {
        {"write", [](int fd) { return ::write(fd, "x", 1); }},
        {"writev", [](int fd) { return with_message([&](auto& m) { return ::writev(fd, &m.part, 1); }); }},
        {"send", [](int fd) { return ::send(fd, "x", 1, 0); }},
        {"sendto", [](int fd) { return ::sendto(fd, "x", 1, 0, nullptr, 0); }},
        {"sendmsg", [](int fd) { return with_message([&](auto& m) { return ::sendmsg(fd, &m.header, 0); }); }},
        {"sendmmsg", [](int fd) {
             short_message one;
             mmsghdr all{one.header, 0};
             return ::sendmmsg(fd, &all, 1, 0);
         }}};
    ramie::run({.workers = 1}, [&] {
        for (auto const& call : calls) {
            CAPTURE(call.name);
            auto const ends = socket_pair();
            std::vector<char> much(100'000);
            while (::send(ends.here, much.data(), much.size(), MSG_DONTWAIT) > 0) {}
            while (::send(ends.here, much.data(), 1, MSG_DONTWAIT) > 0) {}
            auto waiting = parked([&] { return call.on(ends.here); });
            CHECK(!waiting.is_finished());
            while (::recv(ends.there, much.data(), much.size(), MSG_DONTWAIT) > 0) {}
            CHECK(soon([&] { return waiting.get(); }) == 1);
        }
    });
}

TEST_CASE("hook: accept waits for a connection") {
    ramie::run({.workers = 1}, [] {
        for (bool const with_flags : {false, true}) {
            plain_listener listener;
            auto waiting = parked([&] {
                return with_flags ? ::accept4(listener.fd, nullptr, nullptr, 0)
                                  : ::accept(listener.fd, nullptr, nullptr);
            });
            CHECK(!waiting.is_finished());
            two_fds const client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
            CHECK(::connect(client.here, listener.name(), sizeof listener.at) == 0);
            CHECK(::close(soon([&] { return waiting.get(); })) == 0);
        }
    });
}

TEST_CASE("hook: a sleep, a yield") {
    timespec const little{0, 1'000'000};
    std::vector<waiting_call> const calls = {
        {"sleep", [](int) { return ::sleep(1); }},
        {"usleep", [](int) { return ::usleep(1000); }},
        {"nanosleep", [&](int) { return ::nanosleep(&little, nullptr); }},
        {"clock_nanosleep", [&](int) { return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &little, nullptr); }},
        {"poll", [](int) { return ::poll(nullptr, 0, 1); }},
        {"sched_yield", [](int) { return ::sched_yield(); }}};
    ramie::run({.workers = 1}, [&] {
        for (auto const& call : calls) {
            CAPTURE(call.name);
            bool ran = false;
            auto other = ramie::spawn([&] { ran = true; });
            CHECK(call.on(-1) == 0);
            CHECK(ran);
            other.get();
        }
    });
}

TEST_CASE("hook: a look-up of a name is made on the blocking pool") {
    sockaddr_in home{};
    home.sin_family = AF_INET;
    home.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<waiting_call> const calls = {
        {"getaddrinfo",
         [](int) {
             addrinfo* found = nullptr;
             auto const code = ::getaddrinfo("localhost", nullptr, nullptr, &found);
             if (code == 0) ::freeaddrinfo(found);
             return code;
         }},
        {"getnameinfo",
         [&](int) {
             char host[NI_MAXHOST];
             auto const* const at = reinterpret_cast<sockaddr const*>(&home);
             return ::getnameinfo(at, sizeof home, host, sizeof host, nullptr, 0, 0);
         }},
        {"gethostbyname", [](int) { return ::gethostbyname("localhost") == nullptr; }},
        {"gethostbyname2", [](int) { return ::gethostbyname2("localhost", AF_INET) == nullptr; }}};
    for (auto const& call : calls) {
        CAPTURE(call.name);
        while (has_blocking_pool()) ::usleep(1000);  // the threads of the last runtime are still ending
        ramie::run({.workers = 1}, [&] {
            CHECK(call.on(-1) == 0);
            CHECK(has_blocking_pool());
        });
    }
}
