// recv and send without the C library around them, for the two calls that a busy server mostly makes.
//
// The library's are cancellation points: in a process that has threads each changes the thread's cancellation state by
// an atomic operation, before and after. Nobody cancels a thread that runs fibers, so this only costs: 5 % of an echo
// server's time was spent in the library (docs/rationale.md). Sanitizers watch the library's calls, so they get them.
#pragma once

#include "answer.hpp"
#include "posix/libc_calls.hpp"

#include <ramie/detail/config.hpp>

#include <cstddef>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

namespace ramie::detail::stream_call {

#if defined(__x86_64__) && defined(__LP64__) && !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)

// The kernel's answer as it is: a result or -errno.
inline long ask(long number, int fd, void const* data, std::size_t size, int flags) noexcept {
    long answer;
    // Fifth and sixth: no address.
    register long fifth asm("r8") = 0;
    register long sixth asm("r9") = 0;
    register long fourth asm("r10") = flags;
    asm volatile("syscall"
                 : "=a"(answer)
                 : "0"(number), "D"(static_cast<long>(fd)), "S"(data), "d"(size), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "rcx", "r11", "memory");
    return answer;
}

inline ssize_t receive(int fd, void* into, std::size_t size, int flags) noexcept {
    for (;;) {
        auto const answer = ask(SYS_recvfrom, fd, into, size, flags);
        if (answer != -EINTR) return answer;
    }
}

inline ssize_t send(int fd, void const* from, std::size_t size, int flags) noexcept {
    for (;;) {
        auto const answer = ask(SYS_sendto, fd, from, size, flags);
        if (answer != -EINTR) return answer;
    }
}

#else

// Opaque because of errno (socket_call.hpp).
RAMIE_NOIPA inline ssize_t receive(int fd, void* into, std::size_t size, int flags) noexcept {
    return answer_of([&] { return libc().recv(fd, into, size, flags); });
}

RAMIE_NOIPA inline ssize_t send(int fd, void const* from, std::size_t size, int flags) noexcept {
    return answer_of([&] { return libc().send(fd, from, size, flags); });
}

#endif

}  // namespace ramie::detail::stream_call
