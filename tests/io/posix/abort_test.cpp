// ramie::posix: an abort and a deadline end any wait with -1, never by an exception; and the thread stays the same.
#include "chance.hpp"
#include "environment.hpp"
#include "plain_fds.hpp"

#include <ramie/spawn_blocking.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

struct waiting_call {
    char const* name;
    std::function<long(two_fds&, two_fds&)> call;  // a full socket pair, an empty pipe
};

std::vector<waiting_call> const calls = {
    {"read",
     [](auto& s, auto&) {
         char b;
         return posix::read(s.here, &b, 1);
     }},
    {"read of a pipe",
     [](auto&, auto& p) {
         char b;
         return posix::read(p.here, &b, 1);
     }},
    {"recv",
     [](auto& s, auto&) {
         char b;
         return posix::recv(s.here, &b, 1, 0);
     }},
    {"recv of all",
     [](auto& s, auto&) {
         char b;
         return posix::recv(s.here, &b, 1, MSG_WAITALL);
     }},
    {"a peek for all",
     [](auto& s, auto&) {
         char b;
         return posix::recv(s.here, &b, 1, MSG_WAITALL | MSG_PEEK);
     }},
    {"write",
     [](auto& s, auto&) {
         char b = 0;
         return posix::write(s.here, &b, 1);
     }},
    {"send",
     [](auto& s, auto&) {
         char b = 0;
         return posix::send(s.here, &b, 1, 0);
     }},
    {"poll",
     [](auto& s, auto&) {
         pollfd p{s.here, POLLIN, 0};
         return long{posix::poll(&p, 1, -1)};
     }},
    {"select",
     [](auto& s, auto&) {
         fd_set set;
         FD_ZERO(&set);
         FD_SET(s.here, &set);
         return long{posix::select(s.here + 1, &set, nullptr, nullptr, nullptr)};
     }},
    {"usleep", [](auto&, auto&) { return long{posix::usleep(100'000'000)}; }},
};

}  // namespace

TEST_CASE(
    "posix: an abort ends each wait with ECANCELED, again and again; the exception comes at a native abort point") {
    on_each_runtime([] {
        for (auto const& each : calls) {
            auto sockets = socket_pair();
            auto pipe = pipe_pair();
            fill(sockets.here);
            said first{}, second{};
            bool unwound = false, went_on = false;
            auto doomed = parked([&] {
                first = result_of([&] { return each.call(sockets, pipe); });
                second = result_of([&] { return each.call(sockets, pipe); });
                try {
                    ramie::this_fiber::yield();
                    went_on = true;
                } catch (ramie::aborted const&) {
                    unwound = true;
                    throw;
                }
            });
            doomed.abort();
            auto const end = soon([&] { return doomed.join(); });
            CHECK((!end && end.error().is_cancelled()));
            CHECK_MESSAGE((first == said{-1, ECANCELED}), each.name);
            CHECK_MESSAGE((second == said{-1, ECANCELED}), each.name);
            CHECK(unwound);
            CHECK(!went_on);
            // Nothing was lost, and other calls may use it.
            auto again = parked([&] { return posix::read(sockets.there, &sockets, 0); });
            CHECK(soon([&] { return again.get(); }) == 0);
        }
    });
}

TEST_CASE("posix: a deadline ends each wait with ETIMEDOUT") {
    on_each_runtime([] {
        for (auto const& each : calls) {
            auto sockets = socket_pair();
            auto pipe = pipe_pair();
            fill(sockets.here);
            said first{}, second{};
            auto const end = ramie::timeout(3ms, [&] {
                first = result_of([&] { return each.call(sockets, pipe); });
                second = result_of([&] { return each.call(sockets, pipe); });
                ramie::this_fiber::sleep_for(100s);
            });
            CHECK(!end);
            CHECK_MESSAGE((first == said{-1, ETIMEDOUT}), each.name);
            CHECK_MESSAGE((second == said{-1, ETIMEDOUT}), each.name);
        }
        auto left = 0u;
        (void)ramie::timeout(3ms, [&] { left = posix::sleep(100); });
        CHECK(left == 100);
        timespec const long_time{100, 0};
        timespec rest{};
        (void)ramie::timeout(
            3ms, [&] { CHECK(posix::clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &rest) == ETIMEDOUT); });
        CHECK(rest.tv_sec == 99);
    });
}

TEST_CASE("posix: what was sent before an abort counts, and a shield keeps it off") {
    on_each_runtime([] {
        auto ends = socket_pair();
        said end{};
        auto doomed = parked(
            [&] { end = result_of([&] { return posix::write(ends.here, too_much().data(), too_much().size()); }); });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(end.result > 0);
        CHECK(end.result < std::ssize(too_much()));

        auto other = socket_pair();
        char b = 0;
        auto shielded = parked([&] {
            ramie::abort_shield const whole;
            end = result_of([&] { return posix::read(other.here, &b, 1); });
        });
        shielded.abort();
        let_others_park();
        CHECK(!shielded.is_finished());
        posix::write(other.there, "x", 1);
        (void)soon([&] { return shielded.join(); });
        CHECK(end == said{1, 0});
    });
}

TEST_CASE("posix: an abort is noticed by a call that need not wait, and the call does nothing") {
    ramie::run({.workers = 2}, [] {
        auto const ends = socket_pair();
        CHECK(posix::write(ends.there, "x", 1) == 1);
        std::vector<said> answers;
        std::atomic<bool> begun{false};
        auto doomed = ramie::spawn([&] {
            begun = true;
            auto const stop = ramie::this_fiber::stop_token();
            while (!stop.stop_requested()) std::this_thread::yield();
            char b = 0;
            pollfd asked{ends.here, POLLIN, 0};
            answers = {result_of([&] { return posix::read(ends.here, &b, 1); }),
                       result_of([&] { return posix::recv(ends.here, &b, 1, 0); }),
                       result_of([&] { return posix::write(ends.here, &b, 1); }),
                       result_of([&] { return posix::poll(&asked, 1, -1); }),
                       result_of([&] { return posix::usleep(1); })};
        });
        // By a thread: nothing but rescue, which these tests do without, takes a fiber from the ring of a worker that computes.
        std::jthread const aborter([&, it = doomed.abort_handle()] {
            while (!begun) std::this_thread::yield();
            it.abort();
        });
        (void)doomed.join();
        for (auto const& each : answers) CHECK(each == said{-1, ECANCELED});
        CHECK(answers.size() == 5);
        char b = 0;
        CHECK(posix::recv(ends.here, &b, 1, MSG_DONTWAIT) == 1);
        CHECK(posix::recv(ends.there, &b, 1, MSG_DONTWAIT) == -1);
    });
}

TEST_CASE("posix: an abort ends accept, and a wait for a name") {
    on_each_runtime([] {
        plain_listener listener;
        said end{};
        auto doomed = parked([&] { end = result_of([&] { return posix::accept(listener.fd, nullptr, nullptr); }); });
        doomed.abort();
        (void)soon([&] { return doomed.join(); });
        CHECK(end == said{-1, ECANCELED});
        int code = 0, error = 0;
        auto asking = ramie::spawn([&] {
            addrinfo* found = nullptr;
            code = posix::getaddrinfo("localhost", nullptr, nullptr, &found);
            error = errno;
            if (code == 0) posix::freeaddrinfo(found);
        });
        asking.abort();
        (void)soon([&] { return asking.join(); });
        CHECK((code == 0 || (code == EAI_SYSTEM && error == ECANCELED)));
    });
}

TEST_CASE("posix: every wait comes back to its thread and its errno, also when every woken task migrates") {
    forced_migration const environment;
    for (unsigned const workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::run({.workers = workers}, [workers] {
            std::atomic<int> moved{0}, native_moves{0};
            std::vector<ramie::join_handle<void>> all;
            for (int i = 0; i < 8; ++i) {
                all.push_back(ramie::spawn([&] {
                    auto ends = socket_pair();
                    auto echo = ramie::spawn([&] {
                        for (char b; posix::read(ends.there, &b, 1) == 1;) posix::write(ends.there, &b, 1);
                    });
                    auto const stays = [&](auto&& call) {
                        // Through volatile pointers, because the compiler takes both functions for constant within a
                        // function.
                        ::pthread_t (*volatile const thread)() = ::pthread_self;
                        int* (*volatile const error)() = ::__errno_location;
                        auto const thread_before = thread();
                        auto* const error_before = error();
                        call();
                        if (thread() != thread_before || error() != error_before) ++moved;
                    };
                    for (int round = 0; round < 30; ++round) {
                        stays([&] {
                            char b = 'x';
                            posix::write(ends.here, &b, 1);
                            REQUIRE(posix::read(ends.here, &b, 1) == 1);
                        });
                        stays([] { posix::usleep(100); });
                        stays([&] {
                            pollfd p{ends.here, POLLIN, 0};
                            posix::poll(&p, 1, 1);
                        });
                        auto const before = ::pthread_self();
                        ::pthread_t (*volatile const ask)() = ::pthread_self;
                        ramie::this_fiber::sleep_for(50us);
                        if (ask() != before) ++native_moves;
                    }
                    posix::shutdown(ends.here, SHUT_WR);
                    echo.get();
                }));
            }
            for (auto& each : all) each.get();
            CHECK(moved == 0);
            CHECK((native_moves > 0) == (workers > 1));
        });
    }
}

TEST_CASE("posix: a wait begun on a spare worker comes back to it, also when the spare is not needed any more") {
    if (std::getenv("RAMIE_FORCE_MIGRATION") != nullptr) {
        MESSAGE("skipped: forced migration sends the root to a worker that is held");
        return;
    }
    ramie::run({.workers = 2, .stall_threshold = 10ms}, [] {
        std::atomic<int> moved{0}, holding{0};
        std::atomic<bool> stuck{true};
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 2; ++i) {
            all.push_back(ramie::spawn([&] {
                ++holding;
                while (stuck) std::this_thread::sleep_for(1ms);  // libc's sleep: each blocks a worker
            }));
        }
        // The others must begin their waits on spares: a wait that began on a worker that is then held would wait for
        // that worker.
        while (holding < 2) ramie::this_fiber::sleep_for(1ms);
        for (int i = 0; i < 20; ++i) {
            all.push_back(ramie::spawn([&, i] {
                ::pthread_t (*volatile const ask)() = ::pthread_self;
                for (int round = 0; round < 10; ++round) {
                    auto const before = ask();
                    posix::usleep(3000);
                    if (ask() != before) ++moved;
                    if (round == 5 && i == 19) stuck = false;  // from here on the spares may sleep
                }
            }));
        }
        for (auto& each : all) soon([&] { each.get(); });
        CHECK(moved == 0);
    });
}
