// The interposed calls. Each of them is libc's, unless a fiber calls.
#include "hooked.hpp"

using ramie::hook::for_fiber;
using ramie::hook::outside_handlers;
using ramie::hook::real;

// The parameters as libc declares them.
#define RAMIE_HOOKED(result, name, parameters, arguments)                                                              \
    RAMIE_EXPORTED result name parameters {                                                                            \
        if (auto const* const fiber = for_fiber()) return fiber->name arguments;                                       \
        return real().libc.name arguments;                                                                             \
    }

RAMIE_HOOKED(ssize_t, read, (int fd, void* into, size_t size), (fd, into, size))
RAMIE_HOOKED(ssize_t, readv, (int fd, iovec const* parts, int count), (fd, parts, count))
RAMIE_HOOKED(ssize_t, write, (int fd, void const* from, size_t size), (fd, from, size))
RAMIE_HOOKED(ssize_t, writev, (int fd, iovec const* parts, int count), (fd, parts, count))
RAMIE_HOOKED(ssize_t, recv, (int fd, void* into, size_t size, int flags), (fd, into, size, flags))
RAMIE_HOOKED(ssize_t, recvfrom, (int fd, void* into, size_t size, int flags, sockaddr* from, socklen_t* from_size),
             (fd, into, size, flags, from, from_size))
RAMIE_HOOKED(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags))
RAMIE_HOOKED(int, recvmmsg, (int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout),
             (fd, messages, count, flags, timeout))
RAMIE_HOOKED(ssize_t, send, (int fd, void const* from, size_t size, int flags), (fd, from, size, flags))
RAMIE_HOOKED(ssize_t, sendto, (int fd, void const* from, size_t size, int flags, sockaddr const* to, socklen_t to_size),
             (fd, from, size, flags, to, to_size))
RAMIE_HOOKED(ssize_t, sendmsg, (int fd, msghdr const* message, int flags), (fd, message, flags))
RAMIE_HOOKED(int, sendmmsg, (int fd, mmsghdr* messages, unsigned count, int flags), (fd, messages, count, flags))

RAMIE_HOOKED(int, accept4, (int listener, sockaddr* from, socklen_t* from_size, int flags),
             (listener, from, from_size, flags))
RAMIE_EXPORTED int accept(int listener, sockaddr* from, socklen_t* from_size) {
    if (auto const* const fiber = for_fiber()) return fiber->accept4(listener, from, from_size, 0);
    return real().accept(listener, from, from_size);
}
RAMIE_HOOKED(int, connect, (int fd, sockaddr const* to, socklen_t size), (fd, to, size))

RAMIE_HOOKED(int, poll, (pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
RAMIE_HOOKED(int, ppoll, (pollfd * fds, nfds_t count, timespec const* timeout, sigset_t const* mask),
             (fds, count, timeout, mask))
RAMIE_HOOKED(int, select, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout),
             (count, readable, writable, exceptional, timeout))
RAMIE_HOOKED(int, pselect,
             (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timespec const* timeout,
              sigset_t const* mask),
             (count, readable, writable, exceptional, timeout, mask))
RAMIE_HOOKED(int, epoll_wait, (int epoll, epoll_event* events, int count, int timeout), (epoll, events, count, timeout))

RAMIE_HOOKED(unsigned, sleep, (unsigned seconds), (seconds))
RAMIE_HOOKED(int, usleep, (useconds_t microseconds), (microseconds))
RAMIE_HOOKED(int, nanosleep, (timespec const* time, timespec* left), (time, left))
RAMIE_HOOKED(int, clock_nanosleep, (clockid_t clock, int flags, timespec const* time, timespec* left),
             (clock, flags, time, left))
RAMIE_EXPORTED int sched_yield() noexcept {
    if (auto const* const fiber = for_fiber()) return fiber->sched_yield();
    return real().sched_yield();
}

RAMIE_HOOKED(int, getaddrinfo, (char const* host, char const* service, addrinfo const* hints, addrinfo** found),
             (host, service, hints, found))
RAMIE_HOOKED(int, getnameinfo,
             (sockaddr const* address, socklen_t size, char* host, socklen_t host_size, char* service,
              socklen_t service_size, int flags),
             (address, size, host, host_size, service, service_size, flags))
RAMIE_HOOKED(hostent*, gethostbyname, (char const* host), (host))
RAMIE_HOOKED(hostent*, gethostbyname2, (char const* host, int family), (host, family))
RAMIE_HOOKED(int, gethostbyname_r,
             (char const* host, hostent* into, char* buffer, size_t size, hostent** found, int* error),
             (host, into, buffer, size, found, error))
RAMIE_HOOKED(int, gethostbyname2_r,
             (char const* host, int family, hostent* into, char* buffer, size_t size, hostent** found, int* error),
             (host, family, into, buffer, size, found, error))

// Also on plain threads: fibers may wait for the descriptors that they close.
RAMIE_EXPORTED int close(int fd) {
    auto const* const calls = outside_handlers();
    return calls != nullptr ? calls->close(fd) : real().libc.close(fd);
}
RAMIE_EXPORTED int close_range(unsigned first, unsigned last, int flags) noexcept {
    auto const* const calls = outside_handlers();
    return calls != nullptr ? calls->close_range(first, last, flags) : real().libc.close_range(first, last, flags);
}
RAMIE_EXPORTED void closefrom(int first) noexcept { (void)close_range(first > 0 ? static_cast<unsigned>(first) : 0, ~0u, 0); }
RAMIE_EXPORTED int dup2(int from, int to) noexcept {
    auto const* const calls = outside_handlers();
    return calls != nullptr ? calls->dup2(from, to) : real().libc.dup2(from, to);
}
RAMIE_EXPORTED int dup3(int from, int to, int flags) noexcept {
    auto const* const calls = outside_handlers();
    return calls != nullptr ? calls->dup3(from, to, flags) : real().libc.dup3(from, to, flags);
}

// Called by code that is compiled with _FORTIFY_SOURCE.
RAMIE_EXPORTED ssize_t __read_chk(int fd, void* into, size_t size, size_t room) {
    ramie::hook::must_fit(size, room);
    return read(fd, into, size);
}
RAMIE_EXPORTED ssize_t __recv_chk(int fd, void* into, size_t size, size_t room, int flags) {
    ramie::hook::must_fit(size, room);
    return recv(fd, into, size, flags);
}
RAMIE_EXPORTED ssize_t __recvfrom_chk(int fd, void* into, size_t size, size_t room, int flags, sockaddr* from,
                                      socklen_t* from_size) {
    ramie::hook::must_fit(size, room);
    return recvfrom(fd, into, size, flags, from, from_size);
}
RAMIE_EXPORTED int __poll_chk(pollfd* fds, nfds_t count, int timeout, size_t room) {
    ramie::hook::must_fit(count, room / sizeof *fds);
    return poll(fds, count, timeout);
}
RAMIE_EXPORTED int __ppoll_chk(pollfd* fds, nfds_t count, timespec const* timeout, sigset_t const* mask, size_t room) {
    ramie::hook::must_fit(count, room / sizeof *fds);
    return ppoll(fds, count, timeout, mask);
}
