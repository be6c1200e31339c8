// Signals and fibers: what the system does by itself, where handlers run, and whose a mask is. (To hear signals in tasks:
// tests/io/process/signals_test.cpp; faults and reports of overflows: tests/fibers/overflow.)
#include "child_process.hpp"
#include "sanitized.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

// With the system's own reaction to everything, and a runtime whose tasks wait and run.
child_end among_tasks(std::function<void()> f) {
    return in_child([&] {
        for (int n = 1; n < NSIG; ++n) ::signal(n, SIG_DFL);
        ::alarm(60);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ramie::run({.workers = 2, .dump_on = 0}, [&] {
            for (int i = 0; i < 4; ++i) ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
            auto runs = ramie::spawn([] {
                for (;;) ramie::this_fiber::yield();
            });
            f();
            runs.abort();
        });
        (void)!::write(STDOUT_FILENO, "went on", 7);
    });
}

// A handler's own frame.
std::atomic<std::uintptr_t> handler_stood_at{0};
std::atomic<int> handled{0};
void note_place(int) {
    int here = 0;
    handler_stood_at = reinterpret_cast<std::uintptr_t>(&here);
    ++handled;
}

class handler_for {
  public:
    handler_for(int number, int flags, void (*f)(int)) : number_(number) {
        struct sigaction action {};
        action.sa_handler = f;
        action.sa_flags = flags;
        REQUIRE(::sigaction(number, &action, &before_) == 0);
    }
    handler_for(handler_for const&) = delete;
    handler_for& operator=(handler_for const&) = delete;
    ~handler_for() { ::sigaction(number_, &before_, nullptr); }

  private:
    int number_;
    struct sigaction before_ {};
};

bool is_blocked(int number) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return ::sigismember(&mask, number) == 1;
}
void change_mask(int how, int number) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, number);
    ::pthread_sigmask(how, &one, nullptr);
}

}  // namespace

TEST_CASE("signals and fibers: one whose default is to end the process ends it, wherever it comes from (forks)") {
    for (int const number : {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGVTALRM, SIGPROF,
                             SIGXCPU, SIGXFSZ, SIGSYS, SIGTRAP, SIGIO, SIGSTKFLT, SIGPWR, SIGRTMIN, SIGRTMAX}) {
        CAPTURE(number);
        auto const sent = among_tasks([=] { ::kill(::getpid(), number); for (;;) ramie::this_fiber::yield(); });
        CHECK_MESSAGE(sent.killed_by(number), sent.output);
        auto const raised = among_tasks([=] { ::raise(number); });
        CHECK_MESSAGE(raised.killed_by(number), raised.output);
    }
}

TEST_CASE("signals and fibers: one whose default is nothing does nothing (forks)") {
    for (int const number : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT}) {
        CAPTURE(number);
        auto const end = among_tasks([=] { ::raise(number); });
        CHECK(end.exited_with(0));
        CHECK_MESSAGE(end.said("went on"), end.output);
    }
}

#if !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)  // they have handlers of their own
TEST_CASE("signals and fibers: a fault of a task ends the process by that fault's signal (forks)") {
    struct fault {
        int number;
        void (*make)();
    };
    for (auto const& [number, make] : {fault{SIGSEGV, [] { *reinterpret_cast<int volatile*>(8) = 1; }}, fault{SIGILL, [] { __builtin_trap(); }},
                                       fault{SIGFPE, [] { ::raise(SIGFPE); }}, fault{SIGBUS, [] { ::raise(SIGBUS); }}}) {
        CAPTURE(number);
        auto const in_task = among_tasks([=] { ramie::spawn(make).get(); });
        CHECK_MESSAGE(in_task.killed_by(number), in_task.output);
        auto const in_job = among_tasks([=] { ramie::spawn_blocking(make).get(); });
        CHECK_MESSAGE(in_job.killed_by(number), in_job.output);
    }
}
#endif

#if !defined(RAMIE_ASAN)  // it may give locals a stack of its own
TEST_CASE("signals and fibers: a handler runs on the stack of the task that it interrupts, with SA_ONSTACK on its worker's signal stack") {
    ramie::run({.workers = 1}, [] {
        auto const place = [](int flags) {
            handler_for const ours(SIGUSR1, flags, note_place);
            ::raise(SIGUSR1);
            return handler_stood_at.load();
        };
        stack_t signal_stack{};
        REQUIRE(::sigaltstack(nullptr, &signal_stack) == 0);
        REQUIRE((signal_stack.ss_flags & SS_DISABLE) == 0);
        auto const bottom = reinterpret_cast<std::uintptr_t>(signal_stack.ss_sp);
        auto const* const own = ramie::detail::carrier::this_lane()->current->stack;
        CHECK(own->holds(reinterpret_cast<void const*>(place(0))));
        auto const on_signal_stack = place(SA_ONSTACK);
        CHECK(on_signal_stack >= bottom);
        CHECK(on_signal_stack < bottom + signal_stack.ss_size);
    });
}
#endif

TEST_CASE("signals and fibers: handlers that interrupt tasks at any place disturb none of them") {
    handler_for const ours(SIGUSR1, SA_RESTART, note_place);
    handled = 0;
    ramie::run({.workers = 2}, [] {
        std::atomic<bool> enough{false};
        auto const self = ::getpid();
        std::jthread const sends([&] {
            for (int n = 0; n < 2000; ++n) {
                ::kill(self, SIGUSR1);
                if (n % 10 == 0) std::this_thread::yield();
            }
            enough = true;
        });
        std::vector<ramie::join_handle<long>> tasks;
        for (int i = 0; i < 8; ++i)
            tasks.push_back(ramie::spawn([&] {
                long turns = 0;
                while (!enough) {
                    if (++turns % 50 == 0) ramie::this_fiber::sleep_for(10us);
                    else ramie::this_fiber::yield();
                    if (turns % 100 == 0) (void)ramie::spawn_blocking([] { return 1; }).get();
                }
                return turns;
            }));
        for (auto& t : tasks) CHECK(t.get() > 0);
    });
    CHECK(handled > 0);
}

TEST_CASE("signals and fibers: a mask is the thread's: workers begin with that of who makes the runtime, a pinned task keeps its changes") {
    change_mask(SIG_BLOCK, SIGUSR2);
    ramie::run({.workers = 2}, [] {
        for (int i = 0; i < 4; ++i) CHECK(ramie::spawn([] { return is_blocked(SIGUSR2) && !is_blocked(SIGUSR1); }).get());
        ramie::spawn({.pinned = true}, [] {
            change_mask(SIG_BLOCK, SIGUSR1);
            for (int i = 0; i < 20; ++i) {
                ramie::this_fiber::sleep_for(100us);
                CHECK(is_blocked(SIGUSR1));
            }
            change_mask(SIG_UNBLOCK, SIGUSR1);
        }).get();
    });
    change_mask(SIG_UNBLOCK, SIGUSR2);
}

TEST_CASE("signals and fibers: sigwait in a blocking job gets what all threads block") {
    change_mask(SIG_BLOCK, SIGUSR2);
    ramie::run({.workers = 2}, [] {
        auto waits = ramie::spawn_blocking([] {
            sigset_t one;
            ::sigemptyset(&one);
            ::sigaddset(&one, SIGUSR2);
            int taken = 0;
            return ::sigwait(&one, &taken) == 0 ? taken : -1;
        });
        ::kill(::getpid(), SIGUSR2);
        CHECK(waits.get() == SIGUSR2);
    });
    change_mask(SIG_UNBLOCK, SIGUSR2);
}
