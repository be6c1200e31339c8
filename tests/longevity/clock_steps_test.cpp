// The wall clock is set, forward and back: timers, which are on the steady clock, do not care. What waits for a time of the wall clock
// does. And which clock that steady one is, for a machine that is suspended.
#include "chance.hpp"
#include "child_process.hpp"
#include "stepping_clock.hpp"

#include <ramie/interval.hpp>
#include <ramie/runtime.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

struct step_back_at_end {
    ~step_back_at_end() { step_wall_clock_to(0s); }
};

// The process dies of SIGSYS if it asks the kernel to wait by another clock than CLOCK_MONOTONIC.
bool forbid_other_clocks() {
    auto const word = [](unsigned code, std::size_t value, unsigned char yes = 0, unsigned char no = 0) {
        return sock_filter{static_cast<unsigned short>(code), yes, no, static_cast<unsigned>(value)};
    };
    auto const argument = [](std::size_t n) { return offsetof(seccomp_data, args) + n * sizeof(std::uint64_t); };
    sock_filter filter[] = {
        word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        word(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 5),
        word(BPF_LD | BPF_W | BPF_ABS, argument(1)),
        word(BPF_JMP | BPF_JSET | BPF_K, FUTEX_CLOCK_REALTIME, 0, 9),
        word(BPF_LD | BPF_W | BPF_ABS, argument(3)),  // glibc names a clock for waits without a limit, too
        word(BPF_JMP | BPF_JEQ | BPF_K, 0, 7, 6),
        word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        word(BPF_JMP | BPF_JEQ | BPF_K, SYS_timerfd_create, 2, 0),
        word(BPF_JMP | BPF_JEQ | BPF_K, SYS_timer_create, 1, 0),
        word(BPF_JMP | BPF_JA, 3),
        word(BPF_LD | BPF_W | BPF_ABS, argument(0)),
        word(BPF_JMP | BPF_JEQ | BPF_K, CLOCK_MONOTONIC, 1, 0),
        word(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        word(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{sizeof filter / sizeof filter[0], filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Of every kind; none may be shorter than it should be, and all end.
void wait_in_all_ways() {
    auto const no_shorter = [](auto d, auto wait) {
        auto const began = steady_clock::now();
        wait(d);
        CHECK(steady_clock::now() - began >= d);
    };
    for (int i = 0; i < 20; ++i) {
        no_shorter(500us, [](auto d) { ramie::this_fiber::sleep_for(d); });
        no_shorter(2ms, [](auto d) { ramie::this_fiber::sleep_until(steady_clock::now() + d); });
        no_shorter(1ms, [](auto d) { CHECK(!ramie::timeout(d, [] { ramie::this_fiber::sleep_for(1h); }).has_value()); });
        no_shorter(1ms, [](auto d) { CHECK(!ramie::semaphore(0).acquire_for(d).has_value()); });
    }
    ramie::interval ticks(1ms);
    for (int i = 0; i < 10; ++i) (void)ticks.tick();
}

}  // namespace

TEST_CASE("clock steps: the wall clock is set by years, again and again, and no timer comes early or late for it") {
    step_back_at_end const after;
    for (unsigned const workers : {1u, 2u}) {
        std::atomic<bool> done{false};
        std::jthread const sets([&] {
            chance dice(workers);
            while (!done) {
                step_wall_clock_to(std::chrono::hours(static_cast<long>(dice.below(100'000)) - 50'000));
                std::this_thread::sleep_for(100us);
            }
        });
        ramie::run({.workers = workers}, [] {
            std::vector<ramie::join_handle<void>> all;
            for (int i = 0; i < 8; ++i) all.push_back(ramie::spawn(wait_in_all_ways));
            for (auto& t : all) t.get();
        });
        wait_in_all_ways();  // a plain thread's
        done = true;
    }
}

TEST_CASE("clock steps: a wait until a time of the wall clock ends when that clock says so") {
    step_back_at_end const after;
    ramie::run({.workers = 1}, [] {
        // Set forward: a wait that has begun does not hear of it, one that begins later does.
        auto const in_an_hour = system_clock::now() + 1h;
        auto const waits = [&] { ramie::this_fiber::sleep_until(in_an_hour); };
        auto begun = ramie::spawn(waits);
        ramie::this_fiber::yield();
        step_wall_clock_to(2h);
        CHECK(!ramie::timeout(30ms, [&] { begun.wait(); }).has_value());
        waits();
        (void)begun.abort_and_join();
        // Set back: the wait is so much longer.
        auto const start = steady_clock::now();
        auto const until = system_clock::now() + 10ms;
        step_wall_clock_to(2h - 20ms);
        ramie::this_fiber::sleep_until(until);
        CHECK(system_clock::now() >= until);
        CHECK(steady_clock::now() - start >= 20ms);
    });
}

TEST_CASE("clock steps: the kernel is asked to wait by CLOCK_MONOTONIC only, which stands still while the machine is suspended (forks)") {
    static_assert(steady_clock::is_steady);
    timespec by_kernel{};
    auto const before = steady_clock::now().time_since_epoch();
    REQUIRE(::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &by_kernel) == 0);
    auto const kernels = std::chrono::seconds(by_kernel.tv_sec) + std::chrono::nanoseconds(by_kernel.tv_nsec);
    CHECK(before <= kernels);
    CHECK(kernels <= steady_clock::now().time_since_epoch());
    auto const end = in_child([] {
        if (!forbid_other_clocks()) ::_exit(77);
        ramie::run({.workers = 2}, wait_in_all_ways);
        wait_in_all_ways();
    });
    if (end.exited_with(77)) {
        MESSAGE("no seccomp here");
        return;
    }
    CHECK_MESSAGE(end.exited_with(0), end.output);
    auto const otherwise = in_child([] {
        if (!forbid_other_clocks()) ::_exit(77);
        timespec const soon{1, 0};
        int word = 0;
        ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &soon, nullptr, FUTEX_BITSET_MATCH_ANY);
    });
    CHECK(otherwise.killed_by(SIGSYS));
}
