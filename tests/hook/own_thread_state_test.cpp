// Unmodified code in tasks with a thread state of their own: what it keeps per thread, and the locks that it owns as a
// thread, are the task's.
#include "own_thread_state.hpp"
#include "pthread_support.hpp"

#include <ramie/own_thread_state.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <string>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

thread_local long number = 7;
[[gnu::noipa]] long& here() { return number; }

}  // namespace

TEST_CASE("hook: own thread state: a mutex belongs to the task that locked it, wherever it goes on") {
    if (no_thread_states()) return;
    plain_pthread_mutex recursive(PTHREAD_MUTEX_RECURSIVE), checking(PTHREAD_MUTEX_ERRORCHECK);
    int inside = 0, wrong = 0;
    std::atomic<int> ended{0};
    ramie::run({.workers = 2}, [&] {
        ramie::join_set<void> all;
        for (int i = 0; i < 16; ++i) {
            all.spawn(own(), [&, i] {
                here() = i;
                for (int k = 0; k < 50; ++k) {
                    if (recursive.lock() != 0 || recursive.lock() != 0) ++wrong;
                    if (++inside != 1) ++wrong;
                    ::usleep(20);
                    if (checking.lock() != 0) ++wrong;
                    if (checking.lock() != EDEADLK) ++wrong;
                    ramie::this_fiber::yield();
                    if (checking.unlock() != 0) ++wrong;
                    if (--inside != 0 || here() != i) ++wrong;
                    if (recursive.unlock() != 0 || recursive.unlock() != 0) ++wrong;
                    if (recursive.unlock() != EPERM) ++wrong;
                }
                ++ended;
            });
        }
        while (all.join_next()) {}
    });
    CHECK(ended == 16);
    CHECK(wrong == 0);
}

TEST_CASE("hook: own thread state: calls that wait park the task, and errno is its own") {
    if (no_thread_states()) return;
    on_one_thread([] {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        std::string order;
        auto reader = ramie::spawn(own(), [&] {
            here() = 1;
            char c = 0;
            CHECK(::read(ends[0], &c, 1) == 1);
            order += c;
            CHECK(here() == 1);
            CHECK(::read(-1, &c, 1) == -1);
            CHECK(errno == EBADF);
        });
        auto writer = ramie::spawn(own(), [&] {
            here() = 2;
            order += 'w';
            ::usleep(1000);
            CHECK(::write(ends[1], "r", 1) == 1);
            addrinfo* found = nullptr;
            CHECK(::getaddrinfo("localhost", "80", nullptr, &found) == 0);
            ::freeaddrinfo(found);
            CHECK(here() == 2);
        });
        reader.get();
        writer.get();
        CHECK(order == "wr");
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

TEST_CASE("hook: own thread state: condition variables, and threads beside the tasks") {
    if (no_thread_states()) return;
    plain_pthread_mutex m;
    plain_pthread_cond turn;
    int next = 0;
    auto const take_turns = [&](int mine, int of) {
        for (int k = 0; k < 40; ++k) {
            (void)m.lock();
            while (next % of != mine) (void)turn.wait(m);
            ++next;
            (void)turn.broadcast();
            (void)m.unlock();
        }
    };
    ramie::run({.workers = 2}, [&] {
        std::thread thread([&] { take_turns(2, 3); });
        auto a = ramie::spawn(own(), take_turns, 0, 3);
        auto b = ramie::spawn(own(), take_turns, 1, 3);
        a.get();
        b.get();
        thread.join();
    });
    CHECK(next == 120);
}
