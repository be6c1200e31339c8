// libramie-hook: how the main fiber hears of signal handlers.
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

namespace {

struct message {
    long type = 1;
    char text[8]{};
};

// With few and with many workers, and with forced migration.
template <class F>
void as_main_everywhere(F&& f) {
    for (unsigned const workers : {1u, 3u}) {
        CAPTURE(workers);
        ramie::run_as_threads({.workers = workers}, f);
    }
    forced_migration const moves;
    ramie::run_as_threads({.workers = 3}, f);
}

}  // namespace

TEST_CASE("hook: while (!quit) poll(...) ends, and what the handler wrote is there") {
    restored_signals const restored;
    static volatile std::sig_atomic_t quit;
    handle(SIGUSR1, [](int) { quit = 1; });
    as_main_everywhere([] {
        quit = 0;
        plain_listener listener;
        auto killer = ramie::spawn([] {
            // Not a moment too early: as with a thread, a signal just before the call would be missed.
            for (; quit == 0; ramie::this_fiber::sleep_for(1ms)) ::kill(::getpid(), SIGUSR1);
        });
        int rounds = 0;
        pollfd asked{listener.fd, POLLIN, 0};
        while (quit == 0) {
            CHECK(::poll(&asked, 1, -1) == -1);
            CHECK(errno == EINTR);
            ++rounds;
        }
        CHECK(rounds <= 1);  // none: the handler was quicker than main
        (void)killer.join();
    });
}

TEST_CASE("hook: only the main fiber hears of a handler") {
    restored_signals const restored;
    handle(SIGUSR1, add_one);
    as_main_everywhere([] {
        auto const ends = pipe_pair();
        std::atomic<int> got{0};
        auto other = ramie::spawn([&] {
            char byte;
            got = ::read(ends.here, &byte, 1) == 1 ? 1 : errno;
        });
        ramie::this_fiber::sleep_for(1ms);
        auto killer = ramie::spawn([] {
            for (int i = 0; i < 5; ++i, ramie::this_fiber::sleep_for(1ms)) ::kill(::getpid(), SIGUSR1);
        });
        (void)killer.join();  // Ramie's own waits are not ended, either
        CHECK(got == 0);
        REQUIRE(::write(ends.there, "x", 1) == 1);
        (void)other.join();
        CHECK(got == 1);
        // A handler that ran before the call ends nothing.
        CHECK(::poll(nullptr, 0, 1) == 0);
    });
    // Without run_as_threads there is no main fiber.
    ramie::run({.workers = 1}, [] {
        auto killer = ramie::spawn([] { ::kill(::getpid(), SIGUSR1); });
        CHECK(::poll(nullptr, 0, 5) == 0);
    });
}

TEST_CASE("hook: no handler is missed by a call with a mask, whichever thread it runs on") {
    restored_signals const restored;
    static std::atomic<int> handled;
    handle(SIGUSR1, [](int) { ++handled; }, SA_RESTART);
    constexpr int rounds = 300;
    for (bool const all_threads_block : {true, false}) {
        CAPTURE(all_threads_block);
        auto const usr1 = only(SIGUSR1);
        sigset_t let_through;
        ::pthread_sigmask(all_threads_block ? SIG_BLOCK : SIG_UNBLOCK, &usr1, nullptr);
        ::pthread_sigmask(SIG_BLOCK, nullptr, &let_through);
        ::sigdelset(&let_through, SIGUSR1);
        as_main_everywhere([&] {
            handled = 0;
            std::atomic<int> wanted{0};
            std::thread sender([&] {
                for (int i = 1; i <= rounds; ++i) {
                    while (wanted < i) std::this_thread::yield();
                    ::kill(::getpid(), SIGUSR1);
                }
            });
            for (int i = 1; i <= rounds; ++i) {
                wanted = i;
                while (handled < i) {
                    auto const said = i % 3 == 0   ? ::ppoll(nullptr, 0, nullptr, &let_through)
                                      : i % 3 == 1 ? ::sigsuspend(&let_through)
                                                   : ::pselect(0, nullptr, nullptr, nullptr, nullptr, &let_through);
                    if (said != -1 || errno != EINTR) FAIL_CHECK("it ended otherwise");
                }
            }
            sender.join();
            CHECK(handled == rounds);
        });
    }
}

TEST_CASE("hook: a handler that runs after a call has begun and before it waits ends it") {
    restored_signals const restored;
    handle(SIGUSR1, add_one);
    ramie::run_as_threads({.current_thread = true}, [] {
        int const queue = ::msgget(IPC_PRIVATE, 0600);
        // Runs when the call has found nothing; and when the call goes on, the bell has long been rung.
        auto other = ramie::spawn([] {
            ramie::hook_off const keeps_the_thread;
            ::kill(::getpid(), SIGUSR1);
            ::usleep(20'000);
        });
        message m;
        std::atomic<bool> ended{false};
        std::thread patience([&] {
            for (int i = 0; i < 500 && !ended; ++i) std::this_thread::sleep_for(4ms);
            ::msgsnd(queue, &m, sizeof m.text, IPC_NOWAIT);
        });
        message into;
        CHECK(::msgrcv(queue, &into, sizeof into.text, 0, 0) == -1);
        CHECK(errno == EINTR);
        ended = true;
        patience.join();
        ::msgctl(queue, IPC_RMID, nullptr);
        (void)other.join();
    });
}

TEST_CASE("hook: a call with a mask hears of each handler once, also of one that ran before it") {
    restored_signals const restored;
    handle(SIGUSR1, add_one, SA_RESTART);
    auto const usr1 = only(SIGUSR1);
    ramie::run_as_threads({.workers = 1}, [&] {
        timespec const minute{60, 0}, moment{0, 1'000'000};
        sigset_t let_through;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &let_through);
        ::sigdelset(&let_through, SIGUSR1);
        auto const poll_with_mask = [&](timespec const& most) { return ::ppoll(nullptr, 0, &most, &let_through); };
        ::raise(SIGUSR1);
        CHECK((restored.count == 1 && poll_with_mask(minute) == -1 && errno == EINTR));
        CHECK(poll_with_mask(moment) == 0);
        ::raise(SIGUSR1);
        CHECK((::sigsuspend(&let_through) == -1 && errno == EINTR));
        ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
        ::kill(::getpid(), SIGUSR1);
        ::raise(SIGUSR1);
        CHECK((poll_with_mask(minute) == -1 && errno == EINTR));
        while (restored.count < 4) CHECK((poll_with_mask(minute) == -1 && errno == EINTR));
        CHECK(poll_with_mask(moment) == 0);
        int const epoll = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event event;
        ::raise(SIGUSR1);
        CHECK((::epoll_pwait(epoll, &event, 1, 60'000, &let_through) == -1 && errno == EINTR));
        ::raise(SIGUSR1);
        CHECK((::pselect(0, nullptr, nullptr, nullptr, &minute, &let_through) == -1 && errno == EINTR));
        ::close(epoll);
    });
}

TEST_CASE("hook: what a handler calls does not park the fiber that it interrupts") {
    restored_signals const restored;
    static std::atomic<bool> is_inside;
    handle(SIGUSR1, [](int) {
        is_inside = true;
        ::usleep(5'000);
        is_inside = false;
    });
    ramie::run({.current_thread = true}, [] {
        std::atomic<bool> ran_inside{false};
        auto other = ramie::spawn([&] { ran_inside = is_inside.load(); });
        ::raise(SIGUSR1);
        (void)other.join();
        CHECK(!ran_inside);
    });
}

TEST_CASE("hook: a storm of signals, and a handler that writes into a pipe") {
    restored_signals const restored;
    static int into;
    static std::atomic<int> written;
    handle(SIGUSR2, add_one, SA_RESTART);
    as_main_everywhere([&] {
        auto const ends = pipe_pair();
        into = ends.there;
        written = 0;
        handle(SIGUSR1, [](int) {
            int const error = errno;
            if (::write(into, "x", 1) == 1) ++written;
            errno = error;
        });
        std::atomic<bool> over{false};
        std::vector<ramie::join_handle<void>> others;
        for (int i = 0; i < 4; ++i)
            others.push_back(ramie::spawn([&] {  // the handlers interrupt these, too
                auto const mine = socket_pair();
                char byte;
                while (!over) {
                    if (::write(mine.there, "y", 1) != 1 || ::read(mine.here, &byte, 1) != 1) FAIL_CHECK("no byte");
                }
            }));
        constexpr int signals = 2000;
        std::thread sender([&] {
            for (int i = 0; i < signals; ++i) ::kill(::getpid(), i % 2 == 0 ? SIGUSR1 : SIGUSR2);
            while (written == 0) ::kill(::getpid(), SIGUSR1);
            over = true;
        });
        int seen = 0;
        auto const read_some = [&] {
            char bytes[64];
            pollfd asked{ends.here, POLLIN, 0};
            if (::poll(&asked, 1, 5) != 1) return;
            auto const n = ::read(ends.here, bytes, sizeof bytes);
            if (n > 0) seen += static_cast<int>(n);
            else if (errno != EINTR) FAIL_CHECK("read failed");
        };
        while (!over) read_some();
        sender.join();
        for (auto& each : others) (void)each.join();
        handle(SIGUSR1, SIG_IGN);          // those that are still pending are gone
        while (seen != written) read_some();  // a handler on another thread may be about to write, or to count
        CHECK(seen > 0);
    });
}

TEST_CASE("hook: ramie::signals do not end the main fiber's calls") {
    restored_signals const restored;
    as_main_everywhere([] {
        ramie::signals const listened{SIGUSR1};
        auto killer = ramie::spawn([] { ::kill(::getpid(), SIGUSR1); });
        CHECK(::poll(nullptr, 0, 5) == 0);
        (void)killer.join();
    });
}
