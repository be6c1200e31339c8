// System calls without the C library around them, for the few that a busy server mostly makes.
//
// The library's calls are cancellation points: in a process that has threads each of them changes the thread's
// cancellation state by an atomic operation, before and after. A thread that runs fibers is never cancelled, so this
// only costs: 5 % of an echo server's time (docs/rationale.md). Sanitizers watch the library's calls, so sanitized
// builds make those.
#pragma once

#include <ramie/detail/ground/config.hpp>

#if defined(__x86_64__) && defined(__LP64__) && !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)
#define RAMIE_BARE_CALLS 1
#else
#define RAMIE_BARE_CALLS 0
#endif

namespace ramie::detail {

#if RAMIE_BARE_CALLS
// The kernel's answer as it is: a result or -errno. Arguments five and six are 0.
inline long bare_call(long number, int fd, void const* second, unsigned long third, long fourth) noexcept {
    long answer;
    register long in_fourth asm("r10") = fourth;
    register long in_fifth asm("r8") = 0;
    register long in_sixth asm("r9") = 0;
    asm volatile("syscall"
                 : "=a"(answer)
                 : "0"(number), "D"(static_cast<long>(fd)), "S"(second), "d"(third), "r"(in_fourth), "r"(in_fifth),
                   "r"(in_sixth)
                 : "rcx", "r11", "memory");
    return answer;
}
#endif

}  // namespace ramie::detail
