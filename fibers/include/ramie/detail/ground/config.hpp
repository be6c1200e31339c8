// Which compiler and which sanitizers there are: all such questions in one place.
#pragma once

#include <ramie/detail/ground/language.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define RAMIE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RAMIE_ASAN 1
#endif
#endif

#if defined(RAMIE_MODEL)
// The model checker has that instrumentation for itself.
#elif defined(__SANITIZE_THREAD__)
#define RAMIE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RAMIE_TSAN 1
#endif
#endif

// For a function whose body no caller may look into: its result may change from call to call within one caller, because
// the caller may have moved to another thread in between.
#if defined(__clang__)
#define RAMIE_NOIPA [[gnu::noinline, clang::optnone]]
#else
#define RAMIE_NOIPA [[gnu::noipa]]
#endif
