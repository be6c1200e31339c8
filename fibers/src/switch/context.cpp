#include <ramie/detail/switch/context.hpp>

#include <cerrno>
#include <cxxabi.h>
#include <pthread.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define RAMIE_VALGRIND 1
#else
#define RAMIE_VALGRIND 0
#endif

namespace ramie::detail {

// __cxa_get_globals and __errno_location are declared const: a compiler may fold two calls into one. So only this
// opaque function calls them, once per thread.
RAMIE_NOIPA thread_slots thread_slots::of_this_thread() noexcept {
    return {reinterpret_cast<eh_globals*>(abi::__cxa_get_globals()), &errno};
}

// valgrind_id: 0 = not announced yet; ~0u = there is no Valgrind.
stack_bounds announce_stack([[maybe_unused]] stack& s) noexcept {
#if RAMIE_VALGRIND
    if (s.valgrind_id == 0) {
        s.valgrind_id = RUNNING_ON_VALGRIND ? static_cast<unsigned>(VALGRIND_STACK_REGISTER(s.bottom, s.top)) + 1 : ~0u;
    }
#endif
#if RAMIE_TSAN
    if (s.sanitizer_fiber == nullptr) s.sanitizer_fiber = __tsan_create_fiber(0);
#endif
    return {s.bottom, s.usable(), s.sanitizer_fiber};
}

void forget_stack([[maybe_unused]] stack& s) noexcept {
#if RAMIE_VALGRIND
    if (s.valgrind_id != 0 && s.valgrind_id != ~0u) VALGRIND_STACK_DEREGISTER(s.valgrind_id - 1);
    s.valgrind_id = 0;
#endif
#if RAMIE_TSAN
    if (s.sanitizer_fiber != nullptr) __tsan_destroy_fiber(s.sanitizer_fiber);
    s.sanitizer_fiber = nullptr;
#endif
}

stack_bounds bounds_of_this_thread() noexcept {
    stack_bounds result;
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
        void* bottom = nullptr;
        if (::pthread_attr_getstack(&attributes, &bottom, &result.size) == 0) result.bottom = bottom;
        ::pthread_attr_destroy(&attributes);
    }
#if RAMIE_TSAN
    result.tsan_fiber = __tsan_get_current_fiber();
#endif
    return result;
}

}  // namespace ramie::detail
