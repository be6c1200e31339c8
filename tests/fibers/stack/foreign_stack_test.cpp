// Code that runs on a stack of its own inside a task, and waits there: a ucontext, another library's coroutine, a signal
// handler. Its stack pointer says nothing about the task's stack.
#include "one_thread_carrier.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <sys/mman.h>
#include <ucontext.h>

using namespace ramie::detail;
using namespace std::chrono_literals;
using ramie::testing::one_thread_carrier;

namespace {

constexpr std::size_t bytes = 256 << 10;

// As many coroutine libraries have it: a mapping and a ucontext.
class coroutine {
  public:
    // With its stack near `hint`, if there is room.
    coroutine(void* hint, std::function<void()> body) : body_(std::move(body)) {
        memory_ = ::mmap(hint, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(memory_ != MAP_FAILED);
        REQUIRE(::getcontext(&here_) == 0);
        here_.uc_stack.ss_sp = memory_;
        here_.uc_stack.ss_size = bytes;
        here_.uc_link = &home_;
        auto const self = reinterpret_cast<std::uintptr_t>(this);
        ::makecontext(&here_, reinterpret_cast<void (*)()>(&enter), 2, static_cast<unsigned>(self >> 32),
                      static_cast<unsigned>(self));
    }
    coroutine(coroutine const&) = delete;
    coroutine& operator=(coroutine const&) = delete;
    ~coroutine() { ::munmap(memory_, bytes); }

    void resume() { REQUIRE(::swapcontext(&home_, &here_) == 0); }
    void suspend() { REQUIRE(::swapcontext(&here_, &home_) == 0); }
    std::byte* memory() const { return static_cast<std::byte*>(memory_); }

  private:
    static void enter(unsigned high, unsigned low) {
        reinterpret_cast<coroutine*>(std::uintptr_t{high} << 32 | low)->body_();
    }

    std::function<void()> body_;
    void* memory_ = nullptr;
    ucontext_t here_{};
    ucontext_t home_{};
};

// The running task's stack, which is made to look as if it had no guard.
struct unguarded {
    stack& s = *this_lane()->current->stack;
    guard_kind const real = s.guard;
    unguarded() { s.guard = guard_kind::canary; }
    ~unguarded() { s.guard = real; }
};

void wait_in_all_ways() {
    ramie::this_fiber::yield();
    ramie::this_fiber::sleep_for(1s);
    ramie::this_fiber::yield();
}

}  // namespace

TEST_CASE("foreign stack: a task waits on one that lies below or above its own, and goes on on its own") {
    for (bool const directly : {false, true}) {
        for (std::ptrdiff_t const distance : {std::ptrdiff_t{-1} << 32, std::ptrdiff_t{1} << 32}) {
            CAPTURE(directly);
            CAPTURE(distance);
            one_thread_carrier carrier;
            carrier.switch_directly(directly);
            int steps = 0;
            auto task = ramie::spawn([&] {
                unguarded const own;
                auto const* const hint = reinterpret_cast<std::byte*>(
                    reinterpret_cast<std::uintptr_t>(own.s.floor + distance) & ~std::uintptr_t{0xffff});
                coroutine* self = nullptr;
                coroutine other(const_cast<std::byte*>(hint), [&] {
                    for (int i = 0; i < 3; ++i) {
                        wait_in_all_ways();
                        ++steps;
                        self->suspend();
                    }
                    wait_in_all_ways();
                });
                self = &other;
                REQUIRE((other.memory() < own.s.floor) == (distance < 0));
                for (int i = 0; i < 4; ++i) {
                    other.resume();
                    wait_in_all_ways();
                }
                CHECK(own.s.lowest_sp >= own.s.bottom);
                CHECK(own.s.lowest_sp <= own.s.top);
            });
            auto beside = ramie::spawn([] { for (int i = 0; i < 20; ++i) ramie::this_fiber::yield(); });
            carrier.run();
            task.get();
            beside.get();
            CHECK(steps == 3);
        }
    }
}

TEST_CASE("foreign stack: a signal handler on an alternate stack may wait") {
    one_thread_carrier carrier;
    alignas(16) static std::byte alternate[64 << 10];
    static int handled;
    handled = 0;
    stack_t before{};
    stack_t ours{};
    ours.ss_sp = alternate;
    ours.ss_size = sizeof alternate;
    REQUIRE(::sigaltstack(&ours, &before) == 0);
    struct sigaction action = {};
    struct sigaction old = {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int) {
        wait_in_all_ways();
        ++handled;
    };
    REQUIRE(::sigaction(SIGUSR2, &action, &old) == 0);
    auto task = ramie::spawn([&] {
        unguarded const own;
        ::raise(SIGUSR2);
        wait_in_all_ways();
    });
    auto beside = ramie::spawn([] { wait_in_all_ways(); });
    carrier.run();
    task.get();
    beside.get();
    CHECK(handled == 1);
    ::sigaction(SIGUSR2, &old, nullptr);
    if ((before.ss_flags & SS_DISABLE) != 0) before.ss_size = MINSIGSTKSZ;  // some kernels look at it even then
    CHECK(::sigaltstack(&before, nullptr) == 0);
}

TEST_CASE("foreign stack: what is left of the task's own is not known there") {
    one_thread_carrier carrier;
    auto task = ramie::spawn([] {
        auto const own = ramie::this_fiber::stack_left();
        CHECK(own > 0);
        std::size_t left = 1;
        coroutine other(nullptr, [&] { left = ramie::this_fiber::stack_left(); });
        other.resume();
        CHECK(left == 0);
        CHECK(ramie::this_fiber::stack_left() == own);
    });
    carrier.run();
    task.get();
}
