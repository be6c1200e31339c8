// libramie-hook: signal handlers keep all that sigaction() promises.
#include "chance.hpp"
#include "child_process.hpp"
#include "environment.hpp"
#include "handled_signals.hpp"
#include "plain_fds.hpp"

#include <ramie/mutex.hpp>
#include <ramie/run_as_threads.hpp>
#include <ramie/signals.hpp>

#include <atomic>
#include <array>
#include <csignal>
#include <memory>
#include <thread>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/wait.h>

using namespace ramie::testing;

TEST_CASE("hook: sigaction gives back what it was given") {
    restored_signals const restored;
    begin_hook();
    for (int const flags : {0, int{SA_RESTART}, SA_RESTART | SA_NODEFER, int{SA_ONSTACK}}) {
        auto wanted = action_of(add_one, flags);
        ::sigaddset(&wanted.sa_mask, SIGHUP);
        REQUIRE(::sigaction(SIGUSR1, &wanted, nullptr) == 0);
        auto const found = now(SIGUSR1);
        CHECK((found.sa_handler == add_one));
        CHECK((found.sa_flags & (SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_SIGINFO)) == flags);
        CHECK(::sigismember(&found.sa_mask, SIGHUP) == 1);
        CHECK(::sigismember(&found.sa_mask, SIGUSR2) == 0);
        struct sigaction before {};
        REQUIRE(::sigaction(SIGUSR1, &found, &before) == 0);  // and what it gave can be given
        CHECK((before.sa_handler == add_one));
        ::raise(SIGUSR1);
    }
    CHECK(restored.count == 4);
    handle(SIGUSR1, SIG_IGN);
    CHECK((now(SIGUSR1).sa_handler == SIG_IGN));
    handle(SIGUSR1, SIG_DFL);
    CHECK((now(SIGUSR1).sa_handler == SIG_DFL));
    errno = 0;
    CHECK(::sigaction(SIGKILL, nullptr, nullptr) == 0);
    auto const kill = action_of(add_one);
    CHECK(::sigaction(SIGKILL, &kill, nullptr) == -1);
    CHECK(::sigaction(1000, &kill, nullptr) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("hook: in a process of its own a handler is there before the first runtime" * doctest::skip()) {
    REQUIRE((::signal(SIGUSR1, add_one) == SIG_DFL));
    ramie::run_as_threads({.workers = 1}, [&] {
        auto const killer = ramie::spawn([] { ::kill(::getpid(), SIGUSR1); });
        CHECK((now(SIGUSR1).sa_handler == add_one));
        CHECK((now(SIGUSR1).sa_flags & (SA_RESTART | SA_SIGINFO)) == SA_RESTART);
        CHECK(::poll(nullptr, 0, 60'000) == -1);
        CHECK(errno == EINTR);
        CHECK(restored_signals::count == 1);
    });
}

TEST_CASE("hook: a handler set before the first runtime is taken over, and known by its own name") {
    auto const end = in_fresh_process("hook: in a process of its own a handler is there before the first runtime", "RAMIE_WORKERS", "1");
    CHECK_MESSAGE(end.exited_with(0), end.output);
}

TEST_CASE("hook: siginfo and context, SA_RESETHAND, SA_NODEFER, the mask and the alternate stack are as asked for") {
    restored_signals const restored;
    begin_hook();
    static int value, number;
    static bool has_context, own_is_blocked, other_is_blocked, on_stack;
    static std::unique_ptr<char[]> stack;
    constexpr std::size_t size = 64 * 1024;
    struct sigaction wanted {};
    wanted.sa_sigaction = [](int n, siginfo_t* about, void* context) {
        value = about->si_value.sival_int;
        number = n;
        has_context = context != nullptr && static_cast<ucontext_t*>(context)->uc_mcontext.fpregs != nullptr;
        sigset_t blocked;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        own_is_blocked = ::sigismember(&blocked, SIGUSR1) == 1;
        other_is_blocked = ::sigismember(&blocked, SIGHUP) == 1;
        auto const* const here = static_cast<char const*>(__builtin_frame_address(0));
        on_stack = here > stack.get() && here < stack.get() + size;
    };
    wanted.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaddset(&wanted.sa_mask, SIGHUP);
    stack = std::make_unique<char[]>(size);
    stack_t const ours{stack.get(), 0, size};
    stack_t before{};
    REQUIRE(::sigaltstack(&ours, &before) == 0);
    REQUIRE(::sigaction(SIGUSR1, &wanted, nullptr) == 0);
    ::pthread_sigqueue(::pthread_self(), SIGUSR1, {.sival_int = 42});
    CHECK((value == 42 && number == SIGUSR1 && has_context && own_is_blocked && other_is_blocked && on_stack));
    wanted.sa_flags = static_cast<int>(SA_SIGINFO | SA_NODEFER | SA_RESETHAND);
    ::sigemptyset(&wanted.sa_mask);
    REQUIRE(::sigaction(SIGUSR1, &wanted, nullptr) == 0);
    ::pthread_sigqueue(::pthread_self(), SIGUSR1, {.sival_int = 43});
    CHECK((value == 43 && !own_is_blocked && !other_is_blocked && !on_stack));
    CHECK((now(SIGUSR1).sa_handler == SIG_DFL));
    REQUIRE(::sigaltstack(&before, nullptr) == 0);
}

TEST_CASE("hook: signal and its older forms") {
    restored_signals const restored;
    begin_hook();
    CHECK((::signal(SIGUSR1, SIG_DFL) != SIG_ERR));
    CHECK((::signal(SIGUSR1, add_one) == SIG_DFL));
    CHECK((now(SIGUSR1).sa_flags & (SA_RESTART | SA_NODEFER)) == SA_RESTART);
    CHECK((::signal(SIGUSR1, SIG_IGN) == add_one));
    CHECK((::signal(SIGUSR1, add_one) == SIG_IGN));
    errno = 0;
    CHECK((::signal(1000, add_one) == SIG_ERR));
    CHECK(errno == EINVAL);
    CHECK((::signal(SIGKILL, add_one) == SIG_ERR));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    CHECK(::siginterrupt(SIGUSR1, 1) == 0);
    CHECK((now(SIGUSR1).sa_flags & SA_RESTART) == 0);
    CHECK((now(SIGUSR1).sa_handler == add_one));
    CHECK((::signal(SIGUSR1, add_one) == add_one));
    CHECK((now(SIGUSR1).sa_flags & SA_RESTART) == 0);
    CHECK(::siginterrupt(SIGUSR1, 0) == 0);
    CHECK((now(SIGUSR1).sa_flags & SA_RESTART) != 0);
    CHECK((::sigset(SIGUSR1, SIG_HOLD) == add_one));
    CHECK((::sigset(SIGUSR1, add_one) == SIG_HOLD));
    CHECK((::sigset(SIGUSR1, SIG_DFL) == add_one));
#pragma GCC diagnostic pop
    CHECK((::sysv_signal(SIGUSR1, add_one) == SIG_DFL));
    ::raise(SIGUSR1);
    CHECK(restored.count == 1);
    CHECK((now(SIGUSR1).sa_handler == SIG_DFL));
    CHECK((::ssignal(SIGUSR1, add_one) == SIG_DFL));
    CHECK((::ssignal(SIGUSR1, SIG_DFL) == add_one));
}

TEST_CASE("hook: handlers that are changed all the time while signals come: each signal reaches one of them") {
    restored_signals const restored;
    begin_hook();
    handle(SIGUSR1, add_one);
    std::atomic<bool> over{false};
    static std::atomic<int> other;
    other = 0;
    std::thread changer([&] {
        while (!over) {
            handle(SIGUSR1, [](int) { ++other; });
            handle(SIGUSR1, add_one, SA_RESTART);
        }
    });
    constexpr int signals = 3000;
    for (int i = 0; i < signals; ++i) ::pthread_kill(::pthread_self(), SIGUSR1);
    over = true;
    changer.join();
    CHECK(restored.count + other == signals);
}

TEST_CASE("hook: a child of fork and of vfork sets handlers of its own") {
    restored_signals const restored;
    begin_hook();
    handle(SIGUSR1, add_one);
    auto const child = ::vfork();
    if (child == 0) {
        // As often as would overwrite the parent's, if it were noted in the memory that both share.
        for (int i = 0; i < 8; ++i) ::signal(SIGUSR1, [](int) { ::_exit(7); });
        ::raise(SIGUSR1);
        ::_exit(1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 7);
    CHECK((now(SIGUSR1).sa_handler == add_one));
    ::raise(SIGUSR1);
    CHECK(restored.count == 1);
    CHECK(in_child([] {
              ::signal(SIGUSR1, [](int) { ::_exit(8); });
              ::raise(SIGUSR1);
          }).exited_with(8));
}
