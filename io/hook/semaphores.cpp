// POSIX semaphores, done like mutexes.cpp. A sem_wait that a signal may interrupt can also end by an abort, with
// ECANCELED, or by a timeout around it, with ETIMEDOUT, like the calls on descriptors.
//
// Another process may post a process-shared semaphore without telling: such a semaphore is looked at often.
//
// Signal handlers call sem_post(), and they may interrupt a thread that holds the parking lot's locks. A thread that
// blocks a signal may be in a handler, so it wakes through another thread (lot/lot_bell.hpp). (A handler with
// SA_NODEFER and an empty mask is not recognised; it must not post semaphores that fibers wait for.)
#include "waiting.hpp"

#include <cerrno>
#include <csignal>

namespace ramie::hook {

namespace {

using detail::lot_wait;

// glibc's layout: the value, the number of waiters, and whether it is process-shared.
bool is_shared_semaphore(sem_t const* s) noexcept {
    constexpr std::size_t at = sizeof(long) == 8 ? 8 : 4;
    int flag = 0;
    __builtin_memcpy(&flag, reinterpret_cast<char const*>(s) + at, sizeof flag);
    return flag != 0;
}

int attempt_semaphore(void* semaphore) noexcept {
    if (real().sem_trywait(static_cast<sem_t*>(semaphore)) == 0) return 0;
    return errno == EAGAIN ? static_cast<int>(lot_wait::again) : errno;
}

int with_errno(int error) noexcept {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

bool may_be_in_handler() noexcept {
    sigset_t blocked, none;
    ::sigemptyset(&none);
    // This comes last, so without waiting fibers there is no system call.
    if (::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0) return true;
    return ::sigisemptyset(&blocked) == 0;
}

template <class Libcs>
int wait_for_post(sem_t* semaphore, clockid_t clock, timespec const* until, void const* caller, Libcs&& libcs) {
    auto const* const calls = introduced();
    if (calls == nullptr) return libcs();
    calls->enter();
    take_turns(*calls, caller);
    if (!calls->is_hooked() || is_from_allocator(caller)) return libcs();
    auto const error_before = errno;
    auto result = attempt_semaphore(semaphore);
    if (result == lot_wait::again) {
        lot_wait w;
        w.address = semaphore;
        w.attempt = attempt_semaphore;
        w.argument = semaphore;
        w.what = "sem_wait";
        w.until = until;
        w.clock = clock;
        w.abortable = w.by_handlers = true;
        w.on_handler = until == nullptr ? detail::after_handler::restarts : detail::after_handler::ends;
        if (is_shared_semaphore(semaphore)) w.first_look_us = 1'000, w.seldom_us = 20'000, w.is_looked_for = true;
        result = calls->wait_in_lot(w);
    }
    errno = error_before;
    return with_errno(result == lot_wait::outer_deadline ? ETIMEDOUT : result);
}

}  // namespace

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int sem_wait(sem_t* s) {
    return wait_for_post(s, CLOCK_REALTIME, nullptr, __builtin_return_address(0), [&] { return real().sem_wait(s); });
}
RAMIE_EXPORTED int sem_timedwait(sem_t* s, timespec const* until) {
    return wait_for_post(s, CLOCK_REALTIME, until, __builtin_return_address(0), [&] { return real().sem_timedwait(s, until); });
}
RAMIE_EXPORTED int sem_clockwait(sem_t* s, clockid_t clock, timespec const* until) {
    if (!is_known_clock(clock)) return with_errno(EINVAL);
    return wait_for_post(s, clock, until, __builtin_return_address(0), [&] { return real().sem_clockwait(s, clock, until); });
}
RAMIE_EXPORTED int sem_trywait(sem_t* s) noexcept {
    if (auto const* const calls = introduced()) take_turns(*calls, __builtin_return_address(0));
    return real().sem_trywait(s);
}
RAMIE_EXPORTED int sem_post(sem_t* s) noexcept {
    auto const result = real().sem_post(s);
    auto const* const calls = introduced();
    if (result != 0 || calls == nullptr) return result;
    if (is_wanted_after(*calls, s) && (is_in_handler(*calls) || may_be_in_handler())) calls->ring_lot(s);
    else tell(*calls, s, ramie::detail::lot_wake::one);
    return 0;
}
