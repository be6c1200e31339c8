// The C library's functions, or whatever else comes after this library: it stands in front of libramie-hook.
#pragma once

#include <pthread.h>
#include <threads.h>

#define RAMIE_EXPORTED extern "C" [[gnu::visibility("default")]]

namespace ramie::threads {

// Ends the process if there is none: nothing works without it.
void* find_next(char const* name) noexcept;

// RAMIE_NEXT(pthread_create)(...): looked up the first time.
#define RAMIE_NEXT(name)                                                                                               \
    ([]() noexcept {                                                                                                   \
        static void* const found = ::ramie::threads::find_next(#name);                                                 \
        return reinterpret_cast<decltype(&::name)>(found);                                                             \
    }())

}  // namespace ramie::threads
