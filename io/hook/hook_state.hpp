// Shared by all of libramie-hook: the C library's own calls, and libramie's once it has introduced itself.
//
// The hook is a library of its own: nothing of libramie is linked into it (src/seam/hook_seam.hpp).
#pragma once

#include "seam/hook_seam.hpp"

#include <atomic>

#include <pthread.h>
#include <signal.h>
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
    int (*sigaction)(int, struct sigaction const*, struct sigaction*);
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

// What is noted of the calling thread.
struct thread_notes {
    bool is_lent = false;               // it runs a child of vfork() (vfork.cpp)
    void const* handler_frame = nullptr;  // in a handler: a frame of it (handlers.cpp); null: in none
    void const* handler_fiber = nullptr;  // the fiber on whose stack that is, if any
};
extern constinit thread_local thread_notes this_thread;

// installed(), if the caller belongs to the process that libramie's tables belong to (detail/machine/home_process.hpp),
// and not to a child that has a copy of them or shares them. Every interposed call asks this first; no system call.
// acquire pairs with the release in a child that becomes a home of its own.
inline detail::hook_calls const* introduced() noexcept {
    auto const* const calls = installed();
    if (calls == nullptr || this_thread.is_lent || calls->home->load(std::memory_order_acquire) == 0) return nullptr;
    return calls;
}

// Whether a signal handler calls, which must not wait or take a lock: its calls are libc's. A handler that was left by a jump
// has its note still; then the caller is another fiber, or its frame lies above the handler's, and the note goes.
bool forget_left_handler(detail::hook_calls const& calls, void const* frame) noexcept;
[[gnu::always_inline]] inline bool is_in_handler(detail::hook_calls const& calls) noexcept {
    return this_thread.handler_frame != nullptr && !forget_left_handler(calls, __builtin_frame_address(0));
}

// Non-null: the call belongs to libramie, because the caller is a fiber with the hook on.
inline detail::hook_calls const* for_fiber() noexcept {
    auto const* const calls = introduced();
    return calls != nullptr && calls->is_hooked() && !is_in_handler(*calls) ? calls : nullptr;
}

// introduced(), but in a handler null.
inline detail::hook_calls const* outside_handlers() noexcept {
    auto const* const calls = introduced();
    return calls != nullptr && !is_in_handler(*calls) ? calls : nullptr;
}

// Around a handler.
class handler_note {
  public:
    explicit handler_note(void const* frame) noexcept;
    handler_note(handler_note const&) = delete;
    handler_note& operator=(handler_note const&) = delete;
    ~handler_note();

  private:
    void const *const outer_frame_, *const outer_fiber_;
};

// Those that the program has set before the first runtime (handlers.cpp).
void take_over_handlers() noexcept;

}  // namespace ramie::hook
