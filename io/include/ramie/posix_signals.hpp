// ramie::posix for signals. All that posix.hpp says holds here too. A signal to be waited for must be blocked in every
// thread of the process, as with threads: block it before the runtime starts, because the runtime's threads inherit
// that. The waits are for signals sent to the process; a signal sent to a thread (pthread_kill, raise) belongs to that
// thread, and a fiber is no thread. New code has ramie::signals.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <csignal>
#include <ctime>

#include <signal.h>

namespace ramie::posix {

// Park (by a signalfd).
RAMIE_API int sigtimedwait(sigset_t const* set, siginfo_t* about, timespec const* timeout);
inline int sigwaitinfo(sigset_t const* set, siginfo_t* about) { return posix::sigtimedwait(set, about, nullptr); }
// The error is the result.
RAMIE_API int sigwait(sigset_t const* set, int* number);

// Parks until a signal is pending that `mask` allows and the thread's mask blocks, lets the worker handle it, and
// returns -1 with EINTR. A signal that is not blocked is handled by any thread, and does not end the wait (but that of
// the first fiber of run_as_threads).
RAMIE_API int sigsuspend(sigset_t const* mask);
// On the blocking pool. Ended by an abort, or by a handler that happens to run on that very thread; for the first fiber of
// run_as_threads by any handler.
RAMIE_API int pause();

}  // namespace ramie::posix
