// Signals: which listeners get which signal, how often, and the process's own reaction before and after.
#include "child_process.hpp"
#include "sockets.hpp"

#include <ramie/channel.hpp>
#include <ramie/select.hpp>
#include <ramie/signals.hpp>
#include <ramie/spawn.hpp>
#include <ramie/detail/ground/config.hpp>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

using namespace ramie::testing;
using ramie::on_signal;
using ramie::signals;

namespace {

// To this thread, so the handler has run when this returns.
void send(int number) { REQUIRE(::raise(number) == 0); }
#if defined(RAMIE_TSAN)
// TSan calls a handler when the thread that the kernel chose for the signal makes its next call that TSan sees; a
// thread that sleeps in a futex makes none.
void send_to_process(int number) {
    send(number);
}
#else
void send_to_process(int number) { REQUIRE(::kill(::getpid(), number) == 0); }
#endif

// Returns when all listeners have got every signal sent before.
void wait_until_handed_out() {
    signals last{SIGRTMAX};
    send(SIGRTMAX);
    CHECK(last.next() == SIGRTMAX);
}

void own_handler(int) {}
bool reacts_by(int number, void (*handler)(int)) {
    struct sigaction now {};
    REQUIRE(::sigaction(number, nullptr, &now) == 0);
    return now.sa_handler == handler;
}

// The process's own reaction to a signal, while this lives.
class reaction {
  public:
    reaction(int number, void (*handler)(int)) : number_(number) {
        struct sigaction wanted {};
        wanted.sa_handler = handler;
        REQUIRE(::sigaction(number, &wanted, &before_) == 0);
    }
    reaction(reaction const&) = delete;
    reaction& operator=(reaction const&) = delete;
    ~reaction() { ::sigaction(number_, &before_, nullptr); }

  private:
    int number_;
    struct sigaction before_ {};
};

bool has_thread_for_signals() {
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(each.path() / "comm"), name);
        if (name == "ramie-signals") return true;
    }
    return false;
}

// A thread that was joined may still be on the list for a moment.
bool has_lost_thread_for_signals() {
    for (int i = 0; i < 20'000 && has_thread_for_signals(); ++i) std::this_thread::sleep_for(1ms);
    return !has_thread_for_signals();
}

}  // namespace

TEST_CASE("signals: a fiber waits for one of several, and hears which") {
    on_each_runtime([] {
        signals some{SIGUSR1, SIGUSR2};
        auto waiting = ramie::spawn([&] { return some.next(); });
        let_others_park();
        CHECK(!waiting.is_finished());
        send_to_process(SIGUSR2);
        CHECK(soon([&] { return waiting.get(); }) == SIGUSR2);
        send_to_process(SIGUSR1);
        CHECK(soon([&] { return some.next(); }) == SIGUSR1);
        CHECK(!some.try_next());
    });
}

TEST_CASE("signals: one that comes again before it is taken is one with it; different ones are not") {
    on_each_runtime([] {
        signals some{SIGUSR1, SIGUSR2, SIGHUP};
        for (int const number : {SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR1}) send(number);
        wait_until_handed_out();
        CHECK(some.next() == SIGUSR1);
        CHECK(some.next() == SIGUSR2);
        CHECK(!some.try_next());
    });
}

TEST_CASE("signals: a frequent one does not hide another") {
    on_each_runtime([] {
        signals some{SIGUSR1, SIGUSR2};
        auto const send_both = [] {
            send(SIGUSR1);
            send(SIGUSR2);
            wait_until_handed_out();
        };
        send_both();
        CHECK(some.next() == SIGUSR1);
        send_both();
        CHECK(some.next() == SIGUSR2);
        send_both();
        CHECK(some.next() == SIGUSR1);
    });
}

TEST_CASE("signals: the highest number there is") {
    signals last{SIGRTMAX, SIGRTMIN};
    send(SIGRTMAX);
    CHECK(last.next() == SIGRTMAX);
    send(SIGRTMIN);
    CHECK(last.next() == SIGRTMIN);
    send(SIGRTMAX);
    CHECK(last.next() == SIGRTMAX);
}

TEST_CASE("signals: all listeners get it, in several runtimes and outside of any") {
    signals here{SIGUSR1};
    std::vector<std::unique_ptr<ramie::runtime>> runtimes;
    std::vector<ramie::join_handle<int>> waiting;
    for (unsigned i = 0; i < 3; ++i) {
        runtimes.push_back(std::make_unique<ramie::runtime>(ramie::runtime_options{.workers = i + 1}));
        for (int n = 0; n < 5; ++n)
            waiting.push_back(runtimes.back()->spawn([own = signals{SIGUSR1}]() mutable { return own.next(); }));
    }
    send(SIGUSR1);
    for (auto& each : waiting) CHECK(each.get() == SIGUSR1);
    CHECK(here.next() == SIGUSR1);
}

TEST_CASE("signals: heard while every worker is busy") {
    for (unsigned const workers : {1u, 2u, 4u}) {
        ramie::run({.workers = workers}, [workers] {
            signals some{SIGUSR1};
            std::atomic<bool> heard = false;
            std::vector<ramie::join_handle<void>> busy;
            for (unsigned i = 0; i < 2 * workers; ++i) {
                busy.push_back(ramie::spawn([&] {
                    while (!heard) ramie::this_fiber::yield();
                }));
            }
            auto waiting = ramie::spawn([&] {
                CHECK(some.next() == SIGUSR1);
                heard = true;
            });
            send(SIGUSR1);
            CHECK(soon([&] { return waiting.join(); }).has_value());
            for (auto& each : busy) each.get();
        });
    }
}

TEST_CASE("signals: a timeout or an abort in next loses none") {
    on_each_runtime([] {
        signals some{SIGUSR1};
        for (int i = 0; i < 3; ++i) {
            CHECK(!ramie::timeout(1ms, [&] { return some.next(); }).has_value());
            auto waiting = ramie::spawn([&] { return some.next(); });
            let_others_park();
            CHECK(waiting.abort_and_join().error().is_cancelled());
            send(SIGUSR1);
            CHECK(soon([&] { return some.next(); }) == SIGUSR1);
        }
        // The abort comes at the same moment as the signal: the signal is returned, or still there.
        for (int i = 0; i < 200; ++i) {
            auto waiting = ramie::spawn([&] { return some.next(); });
            ramie::this_fiber::yield();
            send(SIGUSR1);
            auto const end = waiting.abort_and_join();
            if (!end) CHECK(soon([&] { return some.next(); }) == SIGUSR1);
        }
    });
}

TEST_CASE("signals: as a case of select, taken only by the winner") {
    on_each_runtime([] {
        signals some{SIGUSR1, SIGUSR2};
        auto [tx, rx] = ramie::channel<int>(1);
        int number = 0, value = 0;
        auto const either = [&] {
            ramie::select_biased(ramie::on_receive(rx, [&](std::optional<int> v) { value = v.value(); }),
                                 ramie::on_signal(some, [&](int n) { number = n; }));
        };
        auto waiting = ramie::spawn(either);
        let_others_park();
        send(SIGUSR2);
        CHECK(soon([&] { return waiting.join(); }).has_value());
        CHECK(number == SIGUSR2);
        CHECK(value == 0);

        send(SIGUSR1);
        wait_until_handed_out();
        CHECK(tx.send(7).has_value());
        either();  // both are ready; the channel is asked first
        CHECK(value == 7);
        CHECK(number == SIGUSR2);
        either();
        CHECK(number == SIGUSR1);
        CHECK(ramie::select(on_signal(some, [](int) {}), ramie::otherwise([] {})) == 1);
        auto given_up = ramie::spawn(either);
        let_others_park();
        CHECK(given_up.abort_and_join().error().is_cancelled());
        send(SIGUSR1);
        soon(either);
        CHECK(number == SIGUSR1);
    });
}

TEST_CASE("signals: what the process did about it before comes back with the last listener") {
    reaction const own(SIGUSR1, own_handler);
    CHECK(has_lost_thread_for_signals());
    {
        signals first{SIGUSR1};
        CHECK(!reacts_by(SIGUSR1, own_handler));
        send(SIGUSR1);
        CHECK(first.next() == SIGUSR1);
        CHECK(has_thread_for_signals());
        {
            signals second{SIGUSR1, SIGUSR2};
            signals moved = std::move(second);
            CHECK(!reacts_by(SIGUSR2, SIG_DFL));
            CHECK_THROWS_AS((void)second.try_next(), std::logic_error);
        }
        CHECK(!reacts_by(SIGUSR1, own_handler));
        CHECK(reacts_by(SIGUSR2, SIG_DFL));
    }
    CHECK(reacts_by(SIGUSR1, own_handler));
    CHECK(has_lost_thread_for_signals());
}

TEST_CASE("signals: a handler that was installed meanwhile stays") {
    reaction const whatever(SIGUSR1, SIG_DFL);
    {
        signals some{SIGUSR1};
        ::signal(SIGUSR1, own_handler);
    }
    CHECK(reacts_by(SIGUSR1, own_handler));
}

TEST_CASE("signals: one that came before there was a listener is not heard") {
    reaction const own(SIGUSR1, SIG_IGN);
    { signals earlier{SIGUSR1}; send(SIGUSR1); }
    signals some{SIGUSR1};
    wait_until_handed_out();
    CHECK(!some.try_next());
}

TEST_CASE("signals: heard although every other thread blocks it (forks)") {
    auto const end = in_child([] {
        sigset_t one;
        ::sigemptyset(&one);
        ::sigaddset(&one, SIGUSR1);
        ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
        bool const heard = ramie::run({.workers = 2}, [] {
            signals some{SIGUSR1};
            ::kill(::getpid(), SIGUSR1);
            return ramie::timeout(20s, [&] { return some.next(); }).value_or(0) == SIGUSR1;
        });
        if (!heard) ::_exit(3);
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("signals: the thread for them takes no other signal: one that all others block stays pending (forks)") {
    auto const end = in_child([] {
        sigset_t one;
        ::sigemptyset(&one);
        ::sigaddset(&one, SIGUSR2);
        ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
        signals some{SIGUSR1};
        ::kill(::getpid(), SIGUSR2);  // would kill
        ::kill(::getpid(), SIGUSR1);
        (void)some.next();
        int taken = 0;
        if (::sigwait(&one, &taken) != 0 || taken != SIGUSR2) ::_exit(3);
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("signals: after the last listener a signal does what it always did (forks)") {
    auto const end = in_child([] {
        ::signal(SIGTERM, SIG_DFL);
        {
            signals some{SIGTERM};
            ::kill(::getpid(), SIGTERM);
            (void)some.next();
        }
        ::kill(::getpid(), SIGTERM);
        ::pause();
    });
    CHECK(end.killed_by(SIGTERM));
}

TEST_CASE("signals: what cannot be listened to is refused by name") {
    CHECK_THROWS_AS(signals({}), std::invalid_argument);
    for (int const number : {0, -1, 32, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV})
        CHECK_THROWS_AS(signals({number}), std::invalid_argument);
    CHECK_THROWS_AS(signals({SIGUSR1, SIGKILL}), std::invalid_argument);
    CHECK(reacts_by(SIGUSR1, SIG_DFL));
}

TEST_CASE("signals: listeners come and go in a rain of signals") {
    reaction const ignored(SIGUSR1, SIG_IGN), ignored_too(SIGUSR2, SIG_IGN);
    std::atomic<bool> over = false;
    std::jthread rain([&] {
        while (!over) {
            send_to_process(SIGUSR1);
            send_to_process(SIGUSR2);
            std::this_thread::sleep_for(20us);
        }
    });
    ramie::run({.workers = 2}, [] {
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 8; ++i) {
            tasks.push_back(ramie::spawn([] {
                for (int n = 0; n < 50; ++n) {
                    signals one{SIGUSR1}, both{SIGUSR1, SIGUSR2};
                    CHECK(one.next() == SIGUSR1);
                    auto const number = both.next();
                    bool const one_of_them = number == SIGUSR1 || number == SIGUSR2;
                    CHECK(one_of_them);
                }
            }));
        }
        for (auto& each : tasks) CHECK(soon([&] { return each.join(); }).has_value());
    });
    over = true;
    rain.join();
    CHECK(reacts_by(SIGUSR1, SIG_IGN));
    CHECK(has_lost_thread_for_signals());
}

TEST_CASE("ctrl_c: waits for a SIGINT") {
    on_each_runtime([] {
        struct sigaction before {};
        REQUIRE(::sigaction(SIGINT, nullptr, &before) == 0);
        auto waiting = ramie::spawn([] { ramie::ctrl_c(); });
        soon([&] {
            while (reacts_by(SIGINT, before.sa_handler)) ramie::this_fiber::sleep_for(1ms);
            return true;
        });
        send(SIGINT);
        CHECK(soon([&] { return waiting.join(); }).has_value());
        CHECK(!ramie::timeout(1ms, [] {
            ramie::ctrl_c();
        }).has_value());
    });
}
