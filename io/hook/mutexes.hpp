// pthread mutexes as the other interposed calls need them (mutexes.cpp).
#pragma once

#include <ctime>

#include <pthread.h>

namespace ramie::hook {

// `until`: null, or a time by `clock`. `caller`: the return address of the interposed call; null: not the allocator.
int lock_mutex(pthread_mutex_t* mutex, clockid_t clock, timespec const* until, void const* caller) noexcept;
int try_lock_mutex(pthread_mutex_t* mutex, void const* caller) noexcept;
int unlock_mutex(pthread_mutex_t* mutex) noexcept;

}  // namespace ramie::hook
