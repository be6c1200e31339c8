// pthread condition variables. A thread waits in libc, with all that libc offers (cancellation, process-shared
// variables, waits that began before there was a runtime). A fiber waits in the parking lot: it takes its place before
// it unlocks the mutex, so a signal that is sent under the mutex, or later, finds it. A signal goes to both, the first
// fiber and libc: POSIX allows it to wake more than one, and neither kind of waiter starves.
//
// A thread's wait unlocks the mutex inside libc, and no call tells the fibers that wait for that mutex: see lot_leaver.
//
// A wait may end without a signal. An abort, or a timeout around it, ends the wait in this way, with the mutex locked
// again. Most callers then simply wait again, so such a wait lasts up to ten milliseconds. A process-shared variable is
// looked at as often.
#include "mutexes.hpp"
#include "waiting.hpp"

#include <cerrno>

namespace ramie::hook {

namespace {

using detail::lot_wait;

// Flags in glibc's condition variable, since 2.25.
constexpr unsigned shared_by_others = 1, is_monotonic = 2;
unsigned attributes_of(pthread_cond_t const* c) noexcept { return __atomic_load_n(&c->__data.__wrefs, __ATOMIC_RELAXED); }

struct leaving {
    pthread_mutex_t* mutex;
    bool unlocked = false;
};

int unlock_once(void* argument) noexcept {
    auto& l = *static_cast<leaving*>(argument);
    if (l.unlocked) return lot_wait::again;
    auto const result = unlock_mutex(l.mutex);
    l.unlocked = result == 0;
    return l.unlocked ? static_cast<int>(lot_wait::again) : result;
}

int wait_on_fiber(detail::hook_calls const& calls, pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock,
                  timespec const* until) noexcept {
    if (until != nullptr && (until->tv_nsec < 0 || until->tv_nsec >= 1'000'000'000)) return EINVAL;
    constexpr unsigned ten_ms = 10'000;
    leaving l{mutex};
    lot_wait w;
    w.address = cond;
    w.attempt = unlock_once;
    w.argument = &l;
    w.what = "pthread_cond_wait";
    w.until = until;
    w.clock = clock;
    w.by_call = true;
    w.abortable = true;
    w.first_look_us = 0;
    w.at_most_if_aborted_us = ten_ms;
    if ((attributes_of(cond) & shared_by_others) != 0) w.at_most_us = ten_ms;
    auto const ended = calls.wait_in_lot(w);
    if (!l.unlocked) return ended;
    auto const locked = lock_mutex(mutex, CLOCK_REALTIME, nullptr, nullptr);
    if (locked != 0) return locked;
    return ended == ETIMEDOUT ? ETIMEDOUT : 0;
}

// A thread's wait, from before it unlocks the mutex until after it has locked it again; it may be cancelled in between.
class leaver {
  public:
    leaver(detail::hook_calls const& calls, pthread_mutex_t const* mutex) noexcept
        : calls_(calls), noted_{mutex, __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED)} {
        calls_.leave_unseen(noted_);
    }
    leaver(leaver const&) = delete;
    leaver& operator=(leaver const&) = delete;
    ~leaver() { calls_.left_unseen(noted_); }

  private:
    detail::hook_calls const& calls_;
    detail::lot_leaver noted_;
};

template <class Libcs>
int wait_for_signal(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock, timespec const* until, void const* caller,
         Libcs&& libcs) {
    auto const* const calls = introduced();
    if (calls == nullptr) return libcs();
    if (calls->is_hooked() && !is_from_allocator(caller)) return wait_on_fiber(*calls, cond, mutex, clock, until);
    leaver const noted(*calls, mutex);
    return libcs();
}

int wake_waiters(pthread_cond_t* cond, detail::lot_wake how, int result) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr || result != 0) return result;
    // libc's call may have done nothing, and then it is no fence. Pairs as in tell().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    tell(*calls, cond, how);
    return 0;
}

}  // namespace

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int pthread_cond_wait(pthread_cond_t* cond, pthread_mutex_t* mutex) {
    return wait_for_signal(cond, mutex, CLOCK_REALTIME, nullptr, __builtin_return_address(0),
                [&] { return real().pthread_cond_wait(cond, mutex); });
}
RAMIE_EXPORTED int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex, timespec const* until) {
    auto const clock = (attributes_of(cond) & is_monotonic) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    return wait_for_signal(cond, mutex, clock, until, __builtin_return_address(0),
                [&] { return real().pthread_cond_timedwait(cond, mutex, until); });
}
RAMIE_EXPORTED int pthread_cond_clockwait(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock, timespec const* until) {
    if (!is_known_clock(clock)) return EINVAL;
    return wait_for_signal(cond, mutex, clock, until, __builtin_return_address(0),
                [&] { return real().pthread_cond_clockwait(cond, mutex, clock, until); });
}
// After libc's call the variable may be gone: only its address is used.
RAMIE_EXPORTED int pthread_cond_signal(pthread_cond_t* cond) noexcept {
    return wake_waiters(cond, ramie::detail::lot_wake::one, real().pthread_cond_signal(cond));
}
RAMIE_EXPORTED int pthread_cond_broadcast(pthread_cond_t* cond) noexcept {
    return wake_waiters(cond, ramie::detail::lot_wake::all, real().pthread_cond_broadcast(cond));
}
