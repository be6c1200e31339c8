// pthread rwlocks, done like mutexes.cpp: libc's try, in the parking lot. For libc the writer is a thread, and libc
// checks the thread that unlocks. So a fiber that writes stays on its thread and is noted there (thread_locks.hpp).
// Readers are only counted. After each unlock the first fiber is woken, and if it reads, all further readers up to the
// next writer.
//
// libc lets readers in while writers wait, unless the lock was made to prefer writers. A writing fiber that is too late
// again and again insists, whatever the kind. That holds new readers off for some milliseconds; a reader that locks a
// second time meanwhile waits as long, but there is no deadlock.
#include "lock_check.hpp"
#include "thread_locks.hpp"
#include "waiting.hpp"

#include <cerrno>

namespace ramie::hook {

namespace {

using detail::lot_wait;

struct wanting {
    detail::hook_calls const& calls;
    pthread_rwlock_t* lock;
    bool writes;
    std::uint64_t fiber;  // 0: a plain thread
};

int try_rwlock_now(wanting const& w) noexcept {
    if (!w.writes) return real().pthread_rwlock_tryrdlock(w.lock);
    auto const result = real().pthread_rwlock_trywrlock(w.lock);
    if (result != 0 || w.fiber == 0) return result;
    if (!thread_locks::here().add(w.lock, w.fiber)) {
        (void)real().pthread_rwlock_unlock(w.lock);
        return EAGAIN;
    }
    w.calls.begin_hold();
    return 0;
}

int attempt_rwlock(void* argument) noexcept {
    auto const result = try_rwlock_now(*static_cast<wanting const*>(argument));
    return result == EBUSY ? static_cast<int>(lot_wait::again) : result;
}

int wait_for_rwlock(wanting& wanted, clockid_t clock, timespec const* until) noexcept {
    auto const* const held = thread_locks::here().find(wanted.lock);
    if (held != nullptr && held->fiber == wanted.fiber) return EDEADLK;  // it is the writer
    lot_wait w;
    w.address = wanted.lock;
    w.attempt = attempt_rwlock;
    w.argument = &wanted;
    w.what = wanted.writes ? "pthread_rwlock_wrlock" : "pthread_rwlock_rdlock";
    w.until = until;
    w.clock = clock;
    w.is_lock = true;
    w.insists = wanted.writes;
    w.shared = !wanted.writes;
    if (wanted.lock->__data.__shared != 0) w.first_look_us = 1'000, w.seldom_us = 20'000, w.is_looked_for = true;
    if (wanted.calls.lot->insisting.load(std::memory_order_relaxed) == 0) {
        auto const at_once = attempt_rwlock(&wanted);
        if (at_once != lot_wait::again) return at_once;
    }
    noted_wait const noted(wanted.calls, wanted.lock);
    return wanted.calls.wait_in_lot(w);
}

int lock_rwlock(pthread_rwlock_t* lock, bool writes, clockid_t clock, timespec const* until, void const* caller) noexcept {
    auto const libcs = [&] {
        if (until == nullptr) return writes ? real().pthread_rwlock_wrlock(lock) : real().pthread_rwlock_rdlock(lock);
        return writes ? real().pthread_rwlock_clockwrlock(lock, clock, until)
                      : real().pthread_rwlock_clockrdlock(lock, clock, until);
    };
    auto const* const calls = introduced();
    if (calls == nullptr) return libcs();
    take_turns(*calls, caller);
    auto const* const kind = writes ? "rwlock (writing)" : "rwlock (reading)";
    if (calls->is_hooked() && !is_from_allocator(caller)) {
        wanting wanted{*calls, lock, writes, calls->number()};
        return locked(*calls, lock, wait_for_rwlock(wanted, clock, until), kind);
    }
    if (calls->lot->insisting.load(std::memory_order_relaxed) != 0) let_first(*calls, lock);
    return locked(*calls, lock, libcs(), kind);
}

int try_rwlock(pthread_rwlock_t* lock, bool writes, void const* caller) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr) return writes ? real().pthread_rwlock_trywrlock(lock) : real().pthread_rwlock_tryrdlock(lock);
    take_turns(*calls, caller);
    auto const fiber = calls->is_hooked() ? calls->number() : 0;
    return locked(*calls, lock, try_rwlock_now({*calls, lock, writes, fiber}), writes ? "rwlock (writing)" : "rwlock (reading)");
}

int unlock_rwlock(pthread_rwlock_t* lock) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr) return real().pthread_rwlock_unlock(lock);
    auto* const held = thread_locks::here().find(lock);
    if (held != nullptr && held->fiber != calls->number()) return EPERM;
    unlocking(*calls, lock);
    auto const result = real().pthread_rwlock_unlock(lock);  // from here on the lock may be gone
    if (result != 0) return result;
    if (held != nullptr) {
        thread_locks::here().remove(*held);
        calls->end_hold();
    }
    tell(*calls, lock, detail::lot_wake::group);
    return 0;
}

}  // namespace

}  // namespace ramie::hook

using namespace ramie::hook;

#define RAMIE_CALLER __builtin_return_address(0)
RAMIE_EXPORTED int pthread_rwlock_rdlock(pthread_rwlock_t* l) noexcept {
    return lock_rwlock(l, false, CLOCK_REALTIME, nullptr, RAMIE_CALLER);
}
RAMIE_EXPORTED int pthread_rwlock_wrlock(pthread_rwlock_t* l) noexcept {
    return lock_rwlock(l, true, CLOCK_REALTIME, nullptr, RAMIE_CALLER);
}
RAMIE_EXPORTED int pthread_rwlock_tryrdlock(pthread_rwlock_t* l) noexcept { return try_rwlock(l, false, RAMIE_CALLER); }
RAMIE_EXPORTED int pthread_rwlock_trywrlock(pthread_rwlock_t* l) noexcept { return try_rwlock(l, true, RAMIE_CALLER); }
RAMIE_EXPORTED int pthread_rwlock_timedrdlock(pthread_rwlock_t* l, timespec const* until) noexcept {
    return lock_rwlock(l, false, CLOCK_REALTIME, until, RAMIE_CALLER);
}
RAMIE_EXPORTED int pthread_rwlock_timedwrlock(pthread_rwlock_t* l, timespec const* until) noexcept {
    return lock_rwlock(l, true, CLOCK_REALTIME, until, RAMIE_CALLER);
}
RAMIE_EXPORTED int pthread_rwlock_clockrdlock(pthread_rwlock_t* l, clockid_t clock, timespec const* until) noexcept {
    return is_known_clock(clock) ? lock_rwlock(l, false, clock, until, RAMIE_CALLER) : EINVAL;
}
RAMIE_EXPORTED int pthread_rwlock_clockwrlock(pthread_rwlock_t* l, clockid_t clock, timespec const* until) noexcept {
    return is_known_clock(clock) ? lock_rwlock(l, true, clock, until, RAMIE_CALLER) : EINVAL;
}
RAMIE_EXPORTED int pthread_rwlock_unlock(pthread_rwlock_t* l) noexcept { return unlock_rwlock(l); }

// glibc itself used these names in former times.
RAMIE_EXPORTED int __pthread_rwlock_rdlock(pthread_rwlock_t* l) noexcept {
    return lock_rwlock(l, false, CLOCK_REALTIME, nullptr, RAMIE_CALLER);
}
RAMIE_EXPORTED int __pthread_rwlock_wrlock(pthread_rwlock_t* l) noexcept {
    return lock_rwlock(l, true, CLOCK_REALTIME, nullptr, RAMIE_CALLER);
}
RAMIE_EXPORTED int __pthread_rwlock_tryrdlock(pthread_rwlock_t* l) noexcept { return try_rwlock(l, false, RAMIE_CALLER); }
RAMIE_EXPORTED int __pthread_rwlock_trywrlock(pthread_rwlock_t* l) noexcept { return try_rwlock(l, true, RAMIE_CALLER); }
RAMIE_EXPORTED int __pthread_rwlock_unlock(pthread_rwlock_t* l) noexcept { return unlock_rwlock(l); }
#undef RAMIE_CALLER
