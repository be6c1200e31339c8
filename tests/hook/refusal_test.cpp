// libramie-hook: a task that was told to stop, and whose code repeats refused calls. It does not keep its worker, and
// the end of the runtime comes in time and names the task.
#include "child_process.hpp"
#include "plain_fds.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/refusal.hpp>

#include <functional>
#include <string>
#include <vector>

#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>

using namespace ramie::testing;
using ramie::detail::refusals;

namespace {

// Unmodified code that retries until it succeeds. `fd`: a blocking socket that is never written to.
struct retry {
    std::string what;  // the call, as the runtime's end names it
    std::function<bool(int)> has_it;
};
std::vector<retry> const retries = {
    {"sleep", [](int) { return ::sleep(10) == 0; }},
    {"sleep", [](int) { return ::usleep(10'000'000) == 0; }},
    {"sleep",
     [](int) {
         timespec const long_time{10, 0};
         return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, nullptr) == 0;
     }},
    {"read",
     [](int fd) {
         char b;
         return ::read(fd, &b, 1) >= 0;
     }},
    {"recv",
     [](int fd) {
         char b;
         return ::recv(fd, &b, 1, 0) >= 0;
     }},
    {"recv",
     [](int fd) {
         char b;
         return ::recv(fd, &b, 1, MSG_DONTWAIT) >= 0;
     }},
    {"write",
     [](int fd) {
         char b = 0;
         return ::write(fd, &b, 1) >= 0;
     }},
    {"poll",
     [](int fd) {
         pollfd asked{fd, POLLIN, 0};
         return ::poll(&asked, 1, -1) > 0;
     }},
    {"poll",
     [](int fd) {
         pollfd asked{fd, POLLIN, 0};
         return ::poll(&asked, 1, 0) > 0;
     }},
    {"accept", [](int fd) { return ::accept(fd, nullptr, nullptr) >= 0; }},
    {"getaddrinfo",
     [](int) {
         addrinfo* found = nullptr;
         bool const there = ::getaddrinfo("localhost", nullptr, nullptr, &found) == 0;
         if (there) ::freeaddrinfo(found);
         return there;
     }},
};

}  // namespace

TEST_CASE("hook: an aborted task that retries what is refused lets others run, and sleeps in the end") {
    ramie::run({.current_thread = true}, [] {
        for (auto const& each : retries) {
            CAPTURE(each.what);
            auto const ends = socket_pair();
            bool over = false, begun = false;
            unsigned calls = 0;
            auto deaf = ramie::spawn([&] {
                while (!begun) ::sched_yield();
                while (!over && calls < 1'000'000) {
                    ++calls;
                    if (each.has_it(ends.here)) break;
                }
            });
            ::sched_yield();
            deaf.abort();
            begun = true;
            unsigned turns = 0;
            while (calls < refusals::without_sleep + 100 && turns < 1'000'000) {
                ++turns;
                ramie::this_fiber::yield();
            }
            CHECK(turns > 1000);
            auto const asleep_at = calls;
            for (int i = 0; i < 1000; ++i) ramie::this_fiber::yield();
            CHECK(calls < asleep_at + 100);  // otherwise there would be one for each turn
            over = true;
            (void)deaf.join();
        }
    });
}

TEST_CASE("hook: one that takes no notice of a timeout round it lets others run too") {
    ramie::run({.current_thread = true}, [] {
        for (auto const& each : retries) {
            CAPTURE(each.what);
            auto const ends = socket_pair();
            fill(ends.here);
            bool over = false;
            auto other = ramie::spawn([&] {
                for (int i = 0; i < 1000; ++i) ramie::this_fiber::yield();
                over = true;
            });
            unsigned calls = 0;
            (void)ramie::timeout(1ms, [&] {
                while (!over && calls < 1'000'000) {
                    ++calls;
                    if (each.has_it(ends.here)) break;
                }
            });
            CHECK((over || calls < 1000));  // its call succeeded at once
            over = true;
            other.get();
        }
    });
}

TEST_CASE("hook: the end of the runtime comes in time, and names the tasks that retry, their calls, and how often") {
#if defined(RAMIE_TSAN)
    return;  // TSan lets no forked child start threads once there were fibers
#endif
    for (bool const current_thread : {true, false}) {
        for (auto const& each : retries) {
            CAPTURE(current_thread);
            CAPTURE(each.what);
            auto const end = in_child([&] {
                ::alarm(20);
                int ends[2];
                (void)!::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
                fill(ends[0]);
                if (each.what == "accept") ::listen(ends[0] = ::socket(AF_UNIX, SOCK_STREAM, 0), 1);
                ramie::runtime rt({.workers = 1, .shutdown_timeout = 400ms, .current_thread = current_thread});
                rt.block_on([&] {
                    ramie::spawn({.name = "deaf"}, [&] {
                        auto const stop = ramie::this_fiber::stop_token();
                        while (!stop.stop_requested()) ::sched_yield();
                        while (!each.has_it(ends[0])) {}
                    }).detach();
                    ::usleep(1000);
                });
            });
            CHECK(end.killed_by(SIGABRT));
            auto const line = "\"deaf\", goes on though " + each.what + " was refused ";
            CHECK_MESSAGE(end.said(line.c_str()), end.output);
        }
    }
}
