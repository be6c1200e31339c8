// ramie::posix for signals. All that posix.hpp says holds here too. A signal that is waited for must be blocked in
// every thread of the process, as with threads: before the runtime starts, which its threads then inherit. Signals sent to
// the process are waited for; one sent to a thread (pthread_kill, raise) belongs to that thread, and no fiber is one.
// New code has ramie::signal_set.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <csignal>
#include <ctime>

#include <signal.h>

namespace ramie::posix {

// Park (by a signalfd).
int sigtimedwait(sigset_t const* set, siginfo_t* about, timespec const* timeout);
inline int sigwaitinfo(sigset_t const* set, siginfo_t* about) { return posix::sigtimedwait(set, about, nullptr); }
// The error is the result.
int sigwait(sigset_t const* set, int* number);

// Parks until a signal is pending that `mask` lets through but the thread's mask does not, lets the worker handle it,
// and returns -1 with EINTR. A signal that is not blocked is handled by whichever thread, and does not end it.
int sigsuspend(sigset_t const* mask);
// On the blocking pool: ended by an abort, or by a handler that happens to run on that very thread.
int pause();

}  // namespace ramie::posix
