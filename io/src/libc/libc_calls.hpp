// The C library's own calls. With libramie-hook in the process their names lead back to ramie::posix, so what
// ramie::posix itself needs of them it calls through this table, which the hook fills (hook_seam.hpp).
#pragma once

#include "libc/more_libc_calls.hpp"

#include <atomic>

#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The calls that may block, or that end a descriptor.
#define RAMIE_LIBC_CALLS(X)                                                                                            \
    X(accept4)                                                                                                         \
    X(clock_nanosleep) X(close) X(close_range) X(connect) X(dup2) X(dup3) X(epoll_wait) X(getaddrinfo) X(gethostbyname)               \
        X(gethostbyname2) X(gethostbyname_r) X(gethostbyname2_r) X(getnameinfo) X(nanosleep) X(poll) X(ppoll)          \
            X(pselect) X(read) X(readv) X(recv) X(recvfrom) X(recvmmsg) X(recvmsg) X(select)    \
                X(send) X(sendmmsg) X(sendmsg) X(sendto) X(sleep) X(usleep) X(write) X(writev)

namespace ramie::detail {

struct libc_calls {
#define RAMIE_CALL(name) decltype(&::name) name;
    RAMIE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_MORE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_CALL(fcntl)
    RAMIE_CALL(openat)
#undef RAMIE_CALL
};

extern std::atomic<libc_calls const*> libc_in_use;

// acquire pairs with the release in find_hook(), which puts the hook's table there.
inline libc_calls const& libc() noexcept {
    return *libc_in_use.load(std::memory_order_acquire);
}

}  // namespace ramie::detail
