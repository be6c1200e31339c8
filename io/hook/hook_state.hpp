// Shared by all of libramie-hook: the C library's own calls, and libramie's once it has introduced itself.
//
// The hook is a library of its own: nothing of libramie is linked into it (src/seam/hook_seam.hpp).
#pragma once

#include "seam/hook_seam.hpp"

#include <atomic>

#include <pthread.h>
#include <semaphore.h>

#define RAMIE_EXPORTED extern "C" [[gnu::visibility("default")]]

// The calls by which threads wait for each other.
#define RAMIE_THREAD_CALLS(X)                                                                                              \
    X(pthread_mutex_lock)                                                                                                  \
    X(pthread_mutex_trylock) X(pthread_mutex_clocklock) X(pthread_mutex_unlock) X(pthread_rwlock_rdlock)                   \
        X(pthread_rwlock_tryrdlock) X(pthread_rwlock_clockrdlock) X(pthread_rwlock_wrlock) X(pthread_rwlock_trywrlock)     \
            X(pthread_rwlock_clockwrlock) X(pthread_rwlock_unlock) X(pthread_cond_wait) X(pthread_cond_timedwait)          \
                X(pthread_cond_clockwait) X(pthread_cond_signal) X(pthread_cond_broadcast) X(sem_wait) X(sem_trywait)      \
                    X(sem_timedwait) X(sem_clockwait) X(sem_post) X(pthread_once) X(pthread_barrier_init)                  \
                        X(pthread_barrier_wait) X(pthread_barrier_destroy) X(pthread_join) X(pthread_tryjoin_np)           \
                            X(pthread_timedjoin_np) X(pthread_clockjoin_np)

namespace ramie::hook {

// The interposed functions as the next libraries in the search order define them.
struct real_calls {
    detail::libc_calls libc;
    decltype(&::accept) accept;
    int (*sched_yield)();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // what the headers say of pointers is not part of the type
#define RAMIE_CALL(name) detail::may_throw<decltype(&::name)>::type name;
    RAMIE_THREAD_CALLS(RAMIE_CALL)
#undef RAMIE_CALL
#pragma GCC diagnostic pop
    long (*syscall)(long, ...);
    int (*guard_acquire)(void*);
    void (*guard_release)(void*);
    void (*guard_abort)(void*);
    bool guards_are_known;  // the guards have libstdc++'s representation
};
real_calls const& real() noexcept;

// libramie's; null as long as no runtime has started in this process, and for ever if the hook is off.
detail::hook_calls const* installed() noexcept;

// The calling thread runs a child of vfork() (vfork.cpp).
extern constinit thread_local bool is_lent;

// installed(), if the caller belongs to the process that libramie's tables belong to (detail/machine/home_process.hpp),
// and not to a child that has a copy of them or shares them. Every interposed call asks this first; no system call.
// acquire pairs with the release in a child that becomes a home of its own.
inline detail::hook_calls const* introduced() noexcept {
    auto const* const calls = installed();
    if (calls == nullptr || is_lent || calls->home->load(std::memory_order_acquire) == 0) return nullptr;
    return calls;
}

// Non-null: the call belongs to libramie, because the caller is a fiber with the hook on.
inline detail::hook_calls const* for_fiber() noexcept {
    auto const* const calls = introduced();
    return calls != nullptr && calls->is_hooked() ? calls : nullptr;
}

}  // namespace ramie::hook
