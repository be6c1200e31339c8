// recv and send: bare (bare_call.hpp), or the C library's.
#pragma once

#include "call/answer.hpp"
#include "call/bare_call.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>

#include <cstddef>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

namespace ramie::detail::stream_call {

#if RAMIE_BARE_CALLS

inline ssize_t receive(int fd, void* into, std::size_t size, int flags) noexcept {
    for (;;) {
        auto const answer = bare_call(SYS_recvfrom, fd, into, size, flags);
        if (answer != -EINTR) return answer;
    }
}

inline ssize_t send(int fd, void const* from, std::size_t size, int flags) noexcept {
    for (;;) {
        auto const answer = bare_call(SYS_sendto, fd, from, size, flags);
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
