// pthread mutexes. The mutex stays libc's, and libc's calls lock and unlock it; the hook adds a queue of waiting
// fibers. A fiber tries the lock. Where a thread would have to wait, the fiber waits in the parking lot, tries again,
// and resumes on the same thread. Each unlock, by a fiber or a thread, tells the lot.
//
//   plain kinds (normal, adaptive)     have no owner for libc; a fiber that locks such a mutex again waits for itself,
//   as POSIX
//                                      says, but only that fiber waits
//   recursive, error-checking, robust  belong to the thread: see thread_locks.hpp. Another fiber of that thread waits,
//   and priority-inheriting, -protecting   gets EPERM if it unlocks process-shared                     another process
//   may unlock without telling: such a mutex is looked at often
//
// Callers ignore the result of a lock call, so only the lock ends a wait for it: not an abort, and not a timeout around
// it.
#include "mutexes.hpp"

#include "lock_check.hpp"
#include "thread_locks.hpp"
#include "waiting.hpp"

#include <cerrno>

#include <pthread.h>

namespace ramie::hook {

namespace {

using detail::lot_wait;

int kind_of(pthread_mutex_t const* m) noexcept { return __atomic_load_n(&m->__data.__kind, __ATOMIC_RELAXED); }
constexpr int basic_kind = 3, not_plain = 16 | 32 | 64, shared_by_processes = 128;

bool belongs_to_thread(int kind) noexcept {
    auto const basic = kind & basic_kind;
    return (kind & not_plain) != 0 || basic == PTHREAD_MUTEX_RECURSIVE_NP || basic == PTHREAD_MUTEX_ERRORCHECK_NP;
}
bool is_taken(int result) noexcept { return result == 0 || result == EOWNERDEAD; }

struct locking {
    detail::hook_calls const& calls;
    pthread_mutex_t* mutex;
    bool of_thread;
    std::uint64_t fiber;
};

// Like trylock, for a fiber.
int try_on_fiber(locking const& l) noexcept {
    if (!l.of_thread) return real().pthread_mutex_trylock(l.mutex);
    auto* const held = thread_locks::here().find(l.mutex);
    if (held != nullptr && held->fiber != l.fiber) return EBUSY;
    auto const result = real().pthread_mutex_trylock(l.mutex);
    if (!is_taken(result)) return result;
    if (held != nullptr) {
        ++held->depth;
    } else if (thread_locks::here().add(l.mutex, l.fiber)) {
        l.calls.begin_hold();
    } else {
        (void)real().pthread_mutex_unlock(l.mutex);
        return EAGAIN;
    }
    return result;
}

int attempt_mutex(void* argument) noexcept {
    auto const result = try_on_fiber(*static_cast<locking const*>(argument));
    return result == EBUSY ? static_cast<int>(lot_wait::again) : result;
}

// `until` may be null. `again`: the caller is not a fiber that may be parked.
int lock_on_fiber(detail::hook_calls const& calls, pthread_mutex_t* mutex, clockid_t clock, timespec const* until,
                  void const* caller) noexcept {
    if (!calls.is_hooked() || is_from_allocator(caller)) return lot_wait::again;
    auto const kind = kind_of(mutex);
    locking l{calls, mutex, belongs_to_thread(kind), calls.number()};
    if (l.of_thread && (kind & basic_kind) == PTHREAD_MUTEX_ERRORCHECK_NP) {
        auto const* const held = thread_locks::here().find(mutex);
        if (held != nullptr && held->fiber == l.fiber) return EDEADLK;
    }
    lot_wait w;
    w.address = mutex;
    w.attempt = attempt_mutex;
    w.argument = &l;
    w.what = "pthread_mutex_lock";
    w.until = until;
    w.clock = clock;
    w.is_lock = w.insists = true;
    w.owner = &mutex->__data.__owner;
    if ((kind & shared_by_processes) != 0) w.first_look_us = 1'000, w.seldom_us = 20'000, w.is_looked_for = true;
    if (calls.lot->insisting.load(std::memory_order_relaxed) == 0) {
        auto const at_once = attempt_mutex(&l);
        if (at_once != lot_wait::again) return at_once;
    }
    noted_wait const noted(calls, mutex);
    return calls.wait_in_lot(w);
}

}  // namespace

// The most likely case first: no fiber waits, and the mutex is free; then a thread; then a fiber that may have to wait.
int lock_mutex(pthread_mutex_t* mutex, clockid_t clock, timespec const* until, void const* caller) noexcept {
    auto const libcs = [&] {
        if (until == nullptr) return real().pthread_mutex_lock(mutex);
        return real().pthread_mutex_clocklock(mutex, clock, until);
    };
    auto const* const calls = introduced();
    if (calls == nullptr) return libcs();
    take_turns(*calls, caller);
    if (!belongs_to_thread(kind_of(mutex)) && !is_wanted(*calls, mutex)) {
        auto const result = real().pthread_mutex_trylock(mutex);
        if (result != EBUSY) return locked(*calls, mutex, result);
    }
    auto const result = lock_on_fiber(*calls, mutex, clock, until, caller);
    if (result != lot_wait::again) return locked(*calls, mutex, result);
    if (calls->lot->insisting.load(std::memory_order_relaxed) != 0) let_first(*calls, mutex);
    return locked(*calls, mutex, libcs());
}

int try_lock_mutex(pthread_mutex_t* mutex, void const* caller) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr) return real().pthread_mutex_trylock(mutex);
    take_turns(*calls, caller);
    if (!belongs_to_thread(kind_of(mutex)) || !calls->is_hooked())
        return locked(*calls, mutex, real().pthread_mutex_trylock(mutex));
    return locked(*calls, mutex, try_on_fiber({*calls, mutex, true, calls->number()}));
}

int unlock_mutex(pthread_mutex_t* mutex) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr) return real().pthread_mutex_unlock(mutex);
    thread_locks::holding* held = nullptr;
    if (belongs_to_thread(kind_of(mutex))) {
        held = thread_locks::here().find(mutex);
        if (held != nullptr && held->fiber != calls->number()) return EPERM;
    }
    unlocking(*calls, mutex);
    auto const result = real().pthread_mutex_unlock(mutex);  // from here on the mutex may be gone
    if (result != 0) return result;
    if (held != nullptr && --held->depth == 0) {
        thread_locks::here().remove(*held);
        calls->end_hold();
    }
    tell(*calls, mutex, detail::lot_wake::first);
    return 0;
}

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    return lock_mutex(mutex, CLOCK_REALTIME, nullptr, __builtin_return_address(0));
}
RAMIE_EXPORTED int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept { return try_lock_mutex(mutex, __builtin_return_address(0)); }
RAMIE_EXPORTED int pthread_mutex_timedlock(pthread_mutex_t* mutex, timespec const* until) noexcept {
    return lock_mutex(mutex, CLOCK_REALTIME, until, __builtin_return_address(0));
}
RAMIE_EXPORTED int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, timespec const* until) noexcept {
    if (!is_known_clock(clock)) return EINVAL;
    return lock_mutex(mutex, clock, until, __builtin_return_address(0));
}
RAMIE_EXPORTED int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept { return unlock_mutex(mutex); }

// glibc itself used this name in former times.
RAMIE_EXPORTED int __pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    return lock_mutex(mutex, CLOCK_REALTIME, nullptr, __builtin_return_address(0));
}
RAMIE_EXPORTED int __pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
    return try_lock_mutex(mutex, __builtin_return_address(0));
}
RAMIE_EXPORTED int __pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept { return unlock_mutex(mutex); }
