// Waiting for signals. On fibers the older forms are built from the newer ones here.
#include "hooked.hpp"

#include <cerrno>

using ramie::hook::for_fiber;
using ramie::hook::real;

RAMIE_HOOKED_CALL(int, pause, (), ())
RAMIE_HOOKED_CALL(int, sigsuspend, (sigset_t const* mask), (mask))
RAMIE_HOOKED_CALL(int, sigtimedwait, (sigset_t const* set, siginfo_t* about, timespec const* timeout),
                  (set, about, timeout))
RAMIE_EXPORTED int sigwaitinfo(sigset_t const* set, siginfo_t* about) { return sigtimedwait(set, about, nullptr); }
RAMIE_EXPORTED int sigwait(sigset_t const* set, int* number) {
    siginfo_t about{};
    int taken = -1;
    do {
        taken = sigtimedwait(set, &about, nullptr);
    } while (taken < 0 && errno == EINTR);
    if (taken < 0) return errno;
    *number = taken;
    return 0;
}
RAMIE_EXPORTED int __sigsuspend(sigset_t const* mask) { return sigsuspend(mask); }
RAMIE_EXPORTED int __sigtimedwait(sigset_t const* set, siginfo_t* about, timespec const* timeout) {
    return sigtimedwait(set, about, timeout);
}

// X/Open's sigpause removes one signal from the thread's mask; BSD's takes a whole mask.
RAMIE_EXPORTED int __xpg_sigpause(int number) {
    sigset_t mask;
    if (::pthread_sigmask(SIG_SETMASK, nullptr, &mask) != 0 || ::sigdelset(&mask, number) != 0) return -1;
    return sigsuspend(&mask);
}
RAMIE_EXPORTED int __sigpause(int mask_or_number, int is_number) {
    if (is_number != 0) return __xpg_sigpause(mask_or_number);
    sigset_t mask;
    ::sigemptyset(&mask);
    for (int number = 1; number < 32; ++number) {
        if ((static_cast<unsigned>(mask_or_number) >> (number - 1) & 1u) != 0) ::sigaddset(&mask, number);
    }
    return sigsuspend(&mask);
}
// The headers use this name for X/Open's function, and old programs for BSD's.
RAMIE_EXPORTED int old_sigpause(int mask) asm("sigpause");
int old_sigpause(int mask) { return __sigpause(mask, 0); }
