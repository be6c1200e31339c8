// SIGSTOP and SIGCONT: a process that was stopped goes on. What was due meanwhile comes at once, nothing is lost, nothing comes early.
#include "child_process.hpp"

#include <ramie/channel.hpp>
#include <ramie/interval.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;
using std::chrono::steady_clock;

namespace {

void must(bool so, char const* what) {
    if (so) return;
    std::printf("not so: %s\n", what);
    std::fflush(stdout);
    ::_exit(1);
}

// Is stopped and goes on, at any moment of this.
void a_life_with_timers() {
    ramie::run({.workers = 2}, [] {
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 10; ++i)
            all.push_back(ramie::spawn([] {
                for (int n = 0; n < 100; ++n) {
                    auto const due = steady_clock::now() + 1ms;
                    ramie::this_fiber::sleep_until(due);
                    must(steady_clock::now() >= due, "a sleep is not shorter");
                    must(!ramie::timeout(100us, [] { ramie::this_fiber::sleep_for(1h); }).has_value(), "a timeout passes");
                    must(ramie::timeout(1h, [] { return true; }).value_or(false), "a long timeout does not");
                }
            }));
        all.push_back(ramie::spawn([] {
            ramie::interval ticks(1ms);
            for (int n = 0; n < 100; ++n) (void)ticks.tick();
        }));
        auto [tx, rx] = ramie::channel<int>(1);
        all.push_back(ramie::spawn([tx = std::move(tx)]() mutable {
            for (int n = 0; n < 1000; ++n) must(tx.send(n).has_value(), "the receiver is there");
        }));
        for (int n = 0; n < 1000; ++n) {
            if (n % 50 == 0) ramie::spawn_blocking([] { std::this_thread::sleep_for(1ms); }).get();
            must(rx.receive() == n, "the next message");
        }
        for (auto& t : all) t.get();
    });
}

}  // namespace

TEST_CASE("stopped process: timers, messages and jobs go on after SIGCONT, however often (forks)") {
    auto const end = in_child([] {
        auto const lives = ::fork();
        if (lives == 0) {
            a_life_with_timers();
            ::_exit(0);
        }
        int status = 0, stops = 0;
        for (; stops < 30; ++stops) {
            ::kill(lives, SIGSTOP);
            if (::waitpid(lives, &status, WUNTRACED) != lives || !WIFSTOPPED(status)) break;
            std::this_thread::sleep_for(5ms);  // many of its deadlines pass
            ::kill(lives, SIGCONT);
            std::this_thread::sleep_for(3ms);
        }
        if (WIFSTOPPED(status)) ::waitpid(lives, &status, 0);
        std::printf("stopped %s, status %d\n", stops > 0 ? "often" : "never", status);
    });
    CHECK_MESSAGE(end.output == "stopped often, status 0\n", end.output);
}
