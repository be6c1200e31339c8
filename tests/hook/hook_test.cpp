// libramie-hook, linked: plain calls of unmodified code park the fiber that makes them.
#include "client.h"

#include "chance.hpp"
#include "child_process.hpp"
#include "environment.hpp"
#include "plain_fds.hpp"

#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/hook.hpp>
#include <ramie/run_as_threads.hpp>
#include <ramie/thread.hpp>

#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>

using namespace ramie::testing;

namespace {

std::string talk() {
    std::string text(8192, '\0');
    if (client_talk(text.data(), text.size()) == 0) return "too long";
    text.resize(std::strlen(text.c_str()));
    return text;
}

}  // namespace

TEST_CASE("hook: it is no second copy of the library") {
    CHECK(ramie::detail::other_copies == 0);
}

TEST_CASE("hook: it is on for fibers only") {
    CHECK(!ramie::is_hooked());
    on_each_runtime([] {
        CHECK(ramie::is_hooked());
        {
            ramie::hook_off const off, again;
            CHECK(!ramie::is_hooked());
            CHECK(ramie::spawn([] { return ramie::is_hooked(); }).get());  // only this fiber
        }
        CHECK(ramie::is_hooked());
        bool on_thread = true;
        std::thread([&] { on_thread = ramie::is_hooked(); }).join();
        CHECK(!on_thread);
    });
}

TEST_CASE("hook: a plain read on one worker lets the writer run") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        auto const pipe = pipe_pair();
        for (auto const* each : {&ends, &pipe}) {
            char b = 0;
            auto reading = parked([&] { return ::read(each->here, &b, 1); });
            CHECK(!reading.is_finished());
            CHECK(::write(each->there, "x", 1) == 1);
            CHECK(soon([&] { return reading.get(); }) == 1);
        }
    });
}

TEST_CASE("hook: many sleeps take the time of one") {
    ramie::run({.workers = 1}, [] {
        auto const begin = std::chrono::steady_clock::now();
        std::vector<ramie::join_handle<int>> all;
        for (int i = 0; i < 200; ++i) all.push_back(ramie::spawn([] { return ::usleep(50'000); }));
        for (auto& each : all) CHECK(each.get() == 0);
        CHECK(std::chrono::steady_clock::now() - begin < 9s);  // one after the other would take 10 s
    });
}

TEST_CASE("hook: the same client says the same on a thread and on fibers") {
    auto const plain = talk();
    CHECK(plain.find("recv 5 hello") != plain.npos);
    CHECK(plain.find("from the thread: 4 ping") != plain.npos);
    on_each_runtime([&] {
        std::vector<ramie::join_handle<std::string>> all;
        for (int i = 0; i < 10; ++i) all.push_back(ramie::spawn(talk));
        for (auto& each : all) CHECK(soon([&] { return each.get(); }) == plain);
        std::string on_thread;
        std::thread([&] { on_thread = talk(); }).join();
        CHECK(on_thread == plain);
    });
}

TEST_CASE("hook: poll() for 500 descriptors, while others run on the same thread") {
    ramie::run({.workers = 1}, [] {
        std::vector<std::unique_ptr<two_fds>> pairs;
        std::vector<pollfd> asked;
        for (int i = 0; i < 250; ++i) {
            pairs.emplace_back(new two_fds(socket_pair()));
            asked.push_back({pairs.back()->here, POLLIN, 0});
            asked.push_back({pairs.back()->there, POLLIN, 0});
        }
        CHECK(client_polls(asked.data(), asked.size(), 2) == 0);
        auto polling = parked([&] { return client_polls(asked.data(), asked.size(), -1); });
        CHECK(!polling.is_finished());
        CHECK(::write(pairs[166]->here, "x", 1) == 1);
        CHECK(soon([&] { return polling.get(); }) == 1);
        for (std::size_t i = 0; i < asked.size(); ++i) CHECK(asked[i].revents == (i == 333 ? POLLIN : 0));
    });
}

TEST_CASE("hook: close(), close_range(), dup2() and dup3() end the waits for a number") {
    ramie::run({.workers = 1}, [] {
        for (int way = 0; way < 5; ++way) {
            auto ends = socket_pair();
            auto const other = socket_pair();
            char b = 0;
            auto reading = parked([&] { return result_of([&] { return ::read(ends.here, &b, 1); }); });
            if (way == 0) ::close(std::exchange(ends.here, -1));
            if (way == 1) CHECK(::dup2(other.here, ends.here) == ends.here);
            if (way == 2) CHECK(::dup3(other.here, ends.here, O_CLOEXEC) == ends.here);
            auto const number = static_cast<unsigned>(ends.here);
            if (way == 3) CHECK(::close_range(number, number, 0) == 0);
            if (way == 4) {  // from a plain thread
                std::thread([&] { CHECK(::close_range(number, number, 0) == 0); }).join();
            }
            if (way >= 3) ends.here = -1;
            CHECK(soon([&] { return reading.get(); }) == said{-1, EBADF});
        }
        // closefrom, with a start above all numbers that are needed here.
        auto ends = socket_pair();
        int const high = ::fcntl(ends.here, F_DUPFD_CLOEXEC, 900);
        REQUIRE(high >= 900);
        char b = 0;
        auto reading = parked([&] { return result_of([&] { return ::read(high, &b, 1); }); });
        ::closefrom(high);
        CHECK(soon([&] { return reading.get(); }) == said{-1, EBADF});
        CHECK(::fcntl(high, F_GETFD) == -1);
    });
}

TEST_CASE("hook: an abort inside a call returns -1 and ECANCELED, and unwinds no foreign frame") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        struct seen {
            int fd;
            said end;
            bool returned;
        } s{ends.here, {}, false};
        auto doomed = parked([&] {
            client_calls_back(
                [](void* argument) {
                    auto& mine = *static_cast<seen*>(argument);
                    char b;
                    mine.end = result_of([&] { return ::read(mine.fd, &b, 1); });
                },
                &s);
            s.returned = true;
            ramie::this_fiber::yield();
        });
        doomed.abort();
        auto const end = soon([&] { return doomed.join(); });
        CHECK((!end && end.error().is_cancelled()));
        CHECK(s.end == said{-1, ECANCELED});
        CHECK(s.returned);
    });
}

TEST_CASE("hook: workers woken by a task that was asked to stop" * doctest::skip()) {
    // With forced migration, the sleeper may be made to go on where the busy fiber spins, and that fiber waits for it.
    no_forced_migration const environment;
    ramie::run({.workers = 2}, [] {
        for (int round = 0; round < 20; ++round) {
            auto busy = ramie::spawn([] {
                auto const stop = ramie::this_fiber::stop_token();
                while (!stop.stop_requested()) {}
                for (auto const begin = std::chrono::steady_clock::now();
                     std::chrono::steady_clock::now() - begin < 2ms;) {}  // the other worker falls asleep
                ramie::spawn([] {}).detach();
            });
            ramie::this_fiber::sleep_for(1ms);
            busy.abort();
            (void)busy.join();
        }
    });
}
TEST_CASE("hook: to wake a worker is no call of the fiber that does it") {
    // A write() wakes the worker. If it were taken for the fiber's own call it would return ECANCELED, and the wake-up be lost.
    auto const end = in_fresh_process("hook: workers woken by a task that was asked to stop", "RAMIE_HOOK", "on");
    CHECK_MESSAGE(end.exited_with(0), end.output);
}

// No other wait in this function: the compiler takes errno's address once.
[[gnu::noinline]] static int wrong_errors(int fd) {
    int wrong = 0;
    char b;
    errno = 0;
    if (::recv(fd, &b, 1, 0) != -1 || errno != EAGAIN) ++wrong;
    errno = EXDEV;
    ::usleep(100);
    if (errno != EXDEV) ++wrong;
    return wrong;
}

TEST_CASE("hook: errno is this thread's after any wait, also when every woken task migrates") {
    forced_migration const environment;
    ramie::run({.workers = 4}, [] {
        std::vector<ramie::join_handle<int>> all;
        for (int i = 0; i < 20; ++i) {
            all.push_back(ramie::spawn([] {
                auto ends = socket_pair();
                timeval const little{0, 1000};
                REQUIRE(::setsockopt(ends.here, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little) == 0);
                int wrong = 0;
                for (int round = 0; round < 20; ++round) {
                    wrong += wrong_errors(ends.here);
                    ramie::this_fiber::yield();
                }
                return wrong;
            }));
        }
        for (auto& each : all) CHECK(each.get() == 0);
    });
}

TEST_CASE("hook: a child after fork() makes libc's calls (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 2}, [] {
            int ends[2];
            REQUIRE(::pipe(ends) == 0);
            ::usleep(1000);
            auto const child = ::fork();
            if (child == 0) {
                char b;
                ::close(ends[1]);
                ::_exit(::read(ends[0], &b, 1) == 1 && b == 'x' && !ramie::is_hooked() ? 7 : 8);
            }
            ::usleep(10'000);
            REQUIRE(::write(ends[1], "x", 1) == 1);
            int status = 0;
            while (::waitpid(child, &status, WNOHANG) == 0) ::usleep(1000);
            std::printf("%d", WEXITSTATUS(status));
        });
    });
    CHECK(end.output == "7");
}

TEST_CASE("hook: off in the whole process" * doctest::skip()) {
    ramie::run({.workers = 1}, [] {
        CHECK(!ramie::is_hooked());
        CHECK(::usleep(1000) == 0);
    });
    CHECK_THROWS_WITH_AS(ramie::run_as_threads([] {}), doctest::Contains("RAMIE_HOOK=off"), std::logic_error);
}
TEST_CASE("hook: RAMIE_HOOK=off") {
    auto const end = in_fresh_process("hook: off in the whole process", "RAMIE_HOOK", "off");
    CHECK_MESSAGE(end.exited_with(0), end.output);
}

TEST_CASE("run_as_threads: runs a main, and its threads as fibers") {
    CHECK(ramie::run_as_threads([] { return 42; }) == 42);
    ramie::run_as_threads({.workers = 1}, [] {
        CHECK(ramie::this_fiber::stack_left() > 900'000);
        auto ends = socket_pair();
        ramie::thread([fd = std::exchange(ends.there, -1)] {
            for (char b; ::read(fd, &b, 1) == 1;) (void)!::write(fd, &b, 1);
            ::close(fd);
        }).detach();
        char b = 'q';
        REQUIRE(::write(ends.here, &b, 1) == 1);
        CHECK(::read(ends.here, &b, 1) == 1);
        CHECK(b == 'q');
        ::shutdown(ends.here, SHUT_WR);
        CHECK(::read(ends.here, &b, 1) == 0);
    });
}
