// How a process dies that overflows a fiber's stack, and what it says.
#include "../support/child_process.hpp"
#include "../support/stack_probe.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/detail/overflow/stack_overflow.hpp>
#include <ramie/detail/switch/context.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <ucontext.h>

using namespace ramie::detail;
using namespace ramie::testing;

// A frame of `Bytes` per level. (Visible, and no clone of it: -rdynamic shows its name in the backtrace.)
template <std::size_t Bytes>
RAMIE_NOIPA std::size_t recurse(std::size_t depth) {
    std::byte volatile frame[Bytes];
    frame[0] = std::byte{1};
    auto const below = depth == 0 ? 0 : recurse<Bytes>(depth - 1);
    return below + static_cast<std::size_t>(frame[0]);
}

// One large local, of which only the lowest bytes are ever touched: by the call below it, then by itself.
template <std::size_t Bytes>
RAMIE_NOIPA void touch_lowest() {
    [[maybe_unused]] std::byte volatile frame[Bytes];
    frame[0] = std::byte{1};
}

namespace {

constexpr std::size_t endless = std::size_t{1} << 40;

// The least that a carrier does: jump onto the stack, run, jump back.
stack* current = nullptr;
void (*body)() = nullptr;
void* home = nullptr;

void fiber_main(void*) {
    arrived_on_fresh_stack();
    body();
    void* nobody_returns_here = nullptr;
    jump(nobody_returns_here, home, nullptr, bounds_of_this_thread(), true);
}

void run_on(stack& s, void (*f)()) {
    current = &s;
    body = f;
    jump(home, make_context<fiber_main>(s), nullptr, announce_stack(s));
    current = nullptr;
}

bool describe(overflow_description& d) noexcept {
    d = {"crunch", 17, "file.cpp", 12, current};
    return current != nullptr;
}

bool describe_nameless(overflow_description& d) noexcept {
    d = {nullptr, 18, nullptr, 0, current};
    return current != nullptr;
}

// What a worker does.
void overflow_a_fiber(void (*f)(), describe_fiber who = describe) {
    signal_stack const alternate;
    install_overflow_report(who);
    stack_cache cache;
    run_on(*cache.take(default_class()), f);
}

void recurse_in_small_steps() { recurse<200>(endless); }
void recurse_in_large_steps() { recurse<(40 << 10)>(endless); }
int volatile* volatile nothing = reinterpret_cast<int volatile*>(8);
void touch_nothing() { *nothing = 1; }

std::string const headline =
    "ramie: stack overflow in task 17 \"crunch\", spawned at file.cpp:12, stack size 196608 bytes\n";

bool can_die_here() {
    if (sanitized) MESSAGE("skipped: a sanitizer has its own word on SIGSEGV");
    return !sanitized;
}

bool guarded() {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    cache.put(s);
    if (s->guard == guard_kind::canary) MESSAGE("skipped: unguarded");
    return s->guard != guard_kind::canary;
}

std::size_t lines_of(std::string const& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

}  // namespace

TEST_CASE("stack overflow: endless recursion dies of SIGSEGV, after a report with name, origin, size and backtrace") {
    if (!can_die_here() || !guarded()) return;
    for (auto* const f : {recurse_in_small_steps, recurse_in_large_steps}) {
        auto const end = in_child([&] { overflow_a_fiber(f); });
        CHECK(end.killed_by(SIGSEGV));
        CHECK_MESSAGE(end.output.starts_with(headline), end.output);
        CHECK(end.said("task_options.stack_size"));
        CHECK(lines_of(end.output) >= 2 + 5);  // five frames at least
        // The report, the signal, and the culprit, if symbols can be had (-rdynamic).
        auto const report = end.output.find("ramie_fiber_stack_overflow");
        if (report == std::string::npos) MESSAGE("no symbols in the backtrace");
        else CHECK_MESSAGE(end.output.find("recurse", report) != std::string::npos, end.output);
    }
}

TEST_CASE("stack overflow: one large local is found out, wherever in it the first access is") {
    if (!can_die_here() || !guarded()) return;
    constexpr auto kib = std::size_t{1} << 10;
    for (auto* const f : {touch_lowest<200 * kib>, touch_lowest<256 * kib>, touch_lowest<300 * kib>,
                          touch_lowest<444 * kib>, touch_lowest<700 * kib>, touch_lowest<1024 * kib>}) {
        auto const end = in_child([&] { overflow_a_fiber(f); });
        CHECK(end.killed_by(SIGSEGV));
        CHECK_MESSAGE(end.output.starts_with(headline), end.output);
    }
}

TEST_CASE("stack overflow: in a process without wide slots" * doctest::skip()) {
    // The guards of the stacks below it, one after the other.
    signal_stack const alternate;
    install_overflow_report(describe);
    stack_cache cache;
    auto stacks = take(cache, 32, default_class());
    auto* const highest = *std::ranges::max_element(stacks, {}, &stack::floor);
    REQUIRE(highest->bottom - highest->floor < 1 << 20);
    run_on(*highest, touch_lowest<(470 << 10)>);
}

TEST_CASE("stack overflow: one large local that jumped into another's guard is no fault of that one") {
    if (!can_die_here() || !guarded()) return;
    auto const end = in_fresh_process("stack overflow: in a process without wide slots", "RAMIE_WIDE_STACKS", "0");
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.said(headline.c_str()), end.output);
    CHECK_MESSAGE(end.said("bytes below the stack: a large local array, or alloca; memory of other tasks may be spoiled"),
                  end.output);
    CHECK(end.said("-fstack-clash-protection"));
}

TEST_CASE("stack overflow: at a switch in a process without wide slots" * doctest::skip()) {
    stack_cache cache;
    put(cache, take(cache, 32, default_class()));  // so that there is memory below
    one_thread_carrier carrier;
    auto task = ramie::spawn({.name = "jumper"}, [] {
        auto const wait_with_a_large_local = [] {
            std::byte volatile frame[300 << 10];
            frame[0] = std::byte{1};
            ramie::this_fiber::yield();
            return frame[0] == std::byte{1};
        };
        CHECK(wait_with_a_large_local());
    });
    auto other = ramie::spawn([] {});
    carrier.run();
}

TEST_CASE("stack overflow: one large local that jumped over the guard without a touch is found out at the next switch") {
    if (sanitized) return;  // larger stacks, red zones that are touched
    auto const end = in_fresh_process("stack overflow: at a switch in a process without wide slots", "RAMIE_WIDE_STACKS", "0");
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("\"jumper\""), end.output);
    CHECK_MESSAGE(end.said("bytes below the stack: a large local array"), end.output);
}

TEST_CASE("stack overflow: a local so large that nothing is mapped there") {
    if (!can_die_here()) return;
    auto const end = in_child([] {
        overflow_a_fiber([] {
            std::size_t volatile size = std::size_t{1} << 45;  // 32 TiB
            auto* const memory = static_cast<std::byte volatile*>(__builtin_alloca(size));
            memory[0] = std::byte{1};
        });
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.output.starts_with(headline), end.output);
}

TEST_CASE("stack overflow: a fault on a stack that is not the fiber's own is none") {
    if (!can_die_here()) return;
    auto const end = in_child([] {
        overflow_a_fiber([] {
            static ucontext_t here;
            static ucontext_t there;
            // Below the fiber's stack, and ending in a page that is not to be touched.
            auto* const memory = static_cast<std::byte*>(::mmap(current->floor - (std::ptrdiff_t{1} << 32), 64 << 10,
                                                               PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            if (memory > current->floor) ::_exit(3);
            ::mprotect(memory, 4096, PROT_NONE);
            ::getcontext(&there);
            there.uc_stack.ss_sp = memory + 4096;
            there.uc_stack.ss_size = 60 << 10;
            ::makecontext(&there, recurse_in_small_steps, 0);
            ::swapcontext(&here, &there);
        });
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.output.empty(), end.output);
}

TEST_CASE("stack overflow: on a thread whose only alternate stack is Ramie's") {
    if (!can_die_here() || !guarded()) return;
    auto const end = in_child([] { std::thread([] { overflow_a_fiber(recurse_in_small_steps); }).join(); });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.output.starts_with(headline), end.output);
}

TEST_CASE("stack overflow: what is not known is left out, and what is too long is cut") {
    if (!can_die_here() || !guarded()) return;
    auto end = in_child([] { overflow_a_fiber(recurse_in_small_steps, describe_nameless); });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.output.starts_with("ramie: stack overflow in task 18, stack size 196608 bytes\n"), end.output);

    static std::string const long_name(5000, 'x');
    end = in_child([] {
        overflow_a_fiber(recurse_in_small_steps, [](overflow_description& d) noexcept {
            d = {long_name.c_str(), 19, long_name.c_str(), 3, current};
            return true;
        });
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.said(":3, stack size 196608 bytes\n"));
}

TEST_CASE("stack overflow: in a process with guards by mprotect" * doctest::skip()) {
    overflow_a_fiber(recurse_in_small_steps);
}

TEST_CASE("stack overflow: a guard by mprotect reports the same") {
    if (!can_die_here()) return;
    auto const end =
        in_fresh_process("stack overflow: in a process with guards by mprotect", "RAMIE_STACK_GUARD", "mprotect");
    // doctest's handler was there before, hears of it, and raises the signal.
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.said(headline.c_str()), end.output);
}

TEST_CASE("stack overflow: of an unguarded stack, found at a switch, aborts with the same words") {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    auto const end = in_child([&] {
        s->set_guard(guard_kind::canary);
        die_of_overflow({"crunch", 17, "file.cpp", 12, s});
    });
    CHECK(end.killed_by(SIGABRT));
    if (!sanitized) CHECK_MESSAGE(end.output.starts_with(headline), end.output);
    CHECK(end.said("ramie: stack overflow in task 17 \"crunch\""));
    CHECK(end.said("vm.max_map_count"));
    CHECK(end.said("spoiled"));
    cache.put(s);
}

TEST_CASE("stack overflow: the handler that was there before hears of it, then the process dies of the signal") {
    if (!can_die_here() || !guarded()) return;
    auto const end = in_child([] {
        ::signal(SIGSEGV, +[](int) { static_cast<void>(!::write(STDERR_FILENO, "crash reporter\n", 15)); });
        overflow_a_fiber(recurse_in_small_steps);
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output.starts_with(headline));
    CHECK(end.output.ends_with("crash reporter\n"));
}

TEST_CASE("stack overflow: another fault goes to the handler that was there before, address and all") {
    if (!can_die_here()) return;
    for (bool const on_fiber : {false, true}) {
        auto const end = in_child([&] {
            struct sigaction action = {};
            action.sa_flags = SA_SIGINFO;
            action.sa_sigaction = [](int, siginfo_t* info, void*) {
                ::_exit(info->si_addr == reinterpret_cast<void*>(8) ? 3 : 4);
            };
            ::sigaction(SIGSEGV, &action, nullptr);
            if (on_fiber) overflow_a_fiber(touch_nothing);
            install_overflow_report(describe);
            touch_nothing();
        });
        CHECK_MESSAGE(end.exited_with(3), end.output);
        CHECK(end.output.empty());
    }
}

TEST_CASE("stack overflow: another fault with nobody to care dies as if Ramie were not there") {
    if (!can_die_here()) return;
    auto end = in_child([] { overflow_a_fiber(touch_nothing); });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output.empty());

    end = in_child([] {
        install_overflow_report(describe);
        ::raise(SIGSEGV);  // sent, not caused
        ::_exit(5);
    });
    CHECK(end.killed_by(SIGSEGV));

    end = in_child([] {
        ::signal(SIGSEGV, SIG_IGN);
        install_overflow_report(describe);
        ::raise(SIGSEGV);  // this one is ignored as it was
        std::puts("alive");
        std::fflush(stdout);
        touch_nothing();  // a fault never is
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output == "alive\n");
}

TEST_CASE("stack overflow: a signal that somebody sent is none, whatever address it claims") {
    if (!can_die_here()) return;
    auto const end = in_child([] {
        stack_cache cache;
        current = cache.take(default_class());
        install_overflow_report(describe);
        siginfo_t claim{};
        claim.si_signo = SIGSEGV;
        claim.si_code = SI_QUEUE;
        claim.si_addr = current->bottom - 8;
        ::syscall(SYS_rt_sigqueueinfo, ::getpid(), SIGSEGV, &claim);
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output.empty());
}

TEST_CASE("stack overflow: a handler installed later may hand on to Ramie's, which is then not put before it again") {
    if (!can_die_here() || !guarded()) return;
    auto const end = in_child([] {
        install_overflow_report(describe);
        static struct sigaction ramies = {};
        struct sigaction later = {};
        later.sa_flags = SA_SIGINFO | SA_ONSTACK;
        later.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
            static_cast<void>(!::write(STDERR_FILENO, "later\n", 6));
            ramies.sa_sigaction(signal, info, context);
        };
        ::sigaction(SIGSEGV, &later, &ramies);
        overflow_a_fiber(recurse_in_small_steps);  // installs again
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.output.starts_with("later\n" + headline), end.output);
}

TEST_CASE("stack overflow: a handler that wanted to be called once is called once") {
    if (!can_die_here()) return;
    auto const end = in_child([] {
        struct sigaction action = {};
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        action.sa_handler = [](int) { static_cast<void>(!::write(STDERR_FILENO, "once\n", 5)); };
        ::sigaction(SIGSEGV, &action, nullptr);
        overflow_a_fiber(touch_nothing);  // and again when the handler returns
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output == "once\n");
}

TEST_CASE("stack overflow: installing twice reports once; a handler reset in between is installed anew") {
    if (!can_die_here() || !guarded()) return;
    auto const end = in_child([] {
        install_overflow_report(describe_nameless);
        install_overflow_report(describe);
        ::signal(SIGSEGV, SIG_DFL);
        overflow_a_fiber(recurse_in_small_steps);
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.output.starts_with(headline));
    CHECK(end.output.find("ramie: stack overflow", 1) == std::string::npos);
}

TEST_CASE("stack overflow: a signal stack is given to a thread that has none, and taken away again") {
    std::thread([] {
        auto const now = [] {
            stack_t s{};
            ::sigaltstack(nullptr, &s);
            return s;
        };
        auto const before = now();
        {
            signal_stack const first;
            auto const given = now();
            CHECK((given.ss_flags & SS_DISABLE) == 0);
            CHECK(given.ss_size >= 32 << 10);
            {
                signal_stack const second;
                CHECK(now().ss_sp == given.ss_sp);
            }
            CHECK(now().ss_sp == given.ss_sp);
        }
        CHECK(now().ss_flags == before.ss_flags);
    }).join();
}
