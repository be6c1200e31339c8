// What all of libramie-hook share: the C library's own calls, and libramie's once it has introduced itself.
//
// The hook is a library of its own: nothing of libramie is linked into it (posix/hook_seam.hpp).
#pragma once

#include "posix/hook_seam.hpp"

#include <atomic>

#include <pthread.h>

#define RAMIE_EXPORTED extern "C" [[gnu::visibility("default")]]

namespace ramie::hook {

// What the calls that are interposed are called by those who come after us in the search order.
struct real_calls {
    detail::libc_calls libc;
    decltype(&::accept) accept;
    int (*sched_yield)();
    int (*mutex_lock)(pthread_mutex_t*);
    int (*mutex_trylock)(pthread_mutex_t*);
    int (*mutex_clocklock)(pthread_mutex_t*, clockid_t, timespec const*);
    int (*mutex_unlock)(pthread_mutex_t*);
    int (*guard_acquire)(void*);
    void (*guard_release)(void*);
    void (*guard_abort)(void*);
    bool guards_are_known;  // their representation is libstdc++'s
};
real_calls const& real() noexcept;

// libramie's; null as long as no runtime has started in this process, and for ever if the hook is off.
detail::hook_calls const* installed() noexcept;

// The calling thread runs a child of vfork() (vfork.cpp).
extern constinit thread_local bool is_lent;

// installed(), and the caller is of the process that libramie's tables belong to (detail/home_process.hpp); not a child that has
// a copy of them, or the use of them. Every interposed call asks, before anything else; no system call.
// acquire pairs with the release of a child that becomes a home of its own.
inline detail::hook_calls const* introduced() noexcept {
    auto const* const calls = installed();
    if (calls == nullptr || is_lent || calls->home->load(std::memory_order_acquire) == 0) return nullptr;
    return calls;
}

// Non-null: the caller's call belongs to libramie, because it is a fiber with the hook on.
inline detail::hook_calls const* for_fiber() noexcept {
    auto const* const calls = introduced();
    return calls != nullptr && calls->is_hooked() ? calls : nullptr;
}

}  // namespace ramie::hook
