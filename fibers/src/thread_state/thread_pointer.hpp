// The processor's register by which code finds its thread's state: thread-locals, errno, pthread_self().
#pragma once

#include <ramie/detail/ground/config.hpp>

namespace ramie::detail {

#if defined(__x86_64__)

// The first word of a thread's control block is its own address.
[[gnu::always_inline]] inline void* thread_pointer() noexcept {
    void* here;
    asm volatile("movq %%fs:0, %0" : "=r"(here));
    return here;
}
// Only where the kernel lets programs write the register themselves (c_library.cpp asks).
[[gnu::always_inline]] inline void set_thread_pointer(void* block) noexcept {
    asm volatile("wrfsbase %0" : : "r"(block) : "memory");
}

#else

inline void* thread_pointer() noexcept { return nullptr; }
inline void set_thread_pointer(void*) noexcept {}

#endif

}  // namespace ramie::detail
