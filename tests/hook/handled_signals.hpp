// SIGUSR1 and SIGUSR2 in the hook's tests.
#pragma once

#include <ramie/runtime.hpp>

#include <atomic>
#include <csignal>

#include <doctest/doctest.h>

namespace ramie::testing {

// Puts back what SIGUSR1 and SIGUSR2 did, and the mask.
class restored_signals {
  public:
    restored_signals() {
        ::sigaction(SIGUSR1, nullptr, &first_);
        ::sigaction(SIGUSR2, nullptr, &second_);
        ::pthread_sigmask(SIG_BLOCK, nullptr, &mask_);
        count = 0;
    }
    ~restored_signals() {
        ::sigaction(SIGUSR1, &first_, nullptr);
        ::sigaction(SIGUSR2, &second_, nullptr);
        ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }
    restored_signals(restored_signals const&) = delete;
    restored_signals& operator=(restored_signals const&) = delete;

    static inline std::atomic<int> count{0};

  private:
    struct sigaction first_ {}, second_ {};
    sigset_t mask_;
};

inline void add_one(int) { ++restored_signals::count; }

inline struct sigaction action_of(void (*handler)(int), int flags = 0) {
    struct sigaction wanted {};
    wanted.sa_handler = handler;
    wanted.sa_flags = flags;
    return wanted;
}
inline void handle(int number, void (*handler)(int), int flags = 0) {
    auto const wanted = action_of(handler, flags);
    REQUIRE(::sigaction(number, &wanted, nullptr) == 0);
}
inline struct sigaction now(int number) {
    struct sigaction found {};
    REQUIRE(::sigaction(number, nullptr, &found) == 0);
    return found;
}

inline sigset_t only(int number) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    return set;
}

// A runtime has been there, so that handlers are taken over.
inline void begin_hook() {
    ramie::run([] {});
}

// A handler of SIGUSR1 that does nothing but interrupt; SIGUSR2 is blocked, to be waited for.
class prepared_signals : restored_signals {
  public:
    prepared_signals() {
        interrupt_by(0);
        handle(SIGUSR2, [](int) {});
        auto const set = only(SIGUSR2);
        ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    }
    static void interrupt_by(int flags) { handle(SIGUSR1, [](int) {}, flags); }
};

}  // namespace ramie::testing
