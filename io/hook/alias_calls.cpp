// Other names and forms of the functions in calls.cpp: libc's second names, which programs and older libraries use, and
// small functions that are built from others.
#include "hooked.hpp"

#include <cerrno>

#include <sched.h>
#include <sys/eventfd.h>

RAMIE_HOOKED_CALL(int, epoll_pwait, (int epoll, epoll_event* events, int count, int timeout, sigset_t const* mask),
                  (epoll, events, count, timeout, mask))
RAMIE_HOOKED_CALL(int, epoll_pwait2,
                  (int epoll, epoll_event* events, int count, timespec const* timeout, sigset_t const* mask),
                  (epoll, events, count, timeout, mask))

RAMIE_EXPORTED int eventfd_read(int fd, eventfd_t* value) {
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}
RAMIE_EXPORTED int eventfd_write(int fd, eventfd_t value) {
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

RAMIE_EXPORTED int thrd_sleep(timespec const* time, timespec* left) {
    auto const error = clock_nanosleep(CLOCK_REALTIME, 0, time, left);
    if (error == 0) return 0;
    return error == EINTR || error == ECANCELED || error == ETIMEDOUT ? -1 : -2;
}
RAMIE_EXPORTED void thrd_yield() { (void)sched_yield(); }
// The headers use this name for sched_yield.
RAMIE_EXPORTED int old_pthread_yield() noexcept asm("pthread_yield");
int old_pthread_yield() noexcept { return sched_yield(); }
RAMIE_EXPORTED int __sched_yield() noexcept { return sched_yield(); }

RAMIE_EXPORTED ssize_t __read(int fd, void* into, size_t size) { return read(fd, into, size); }
RAMIE_EXPORTED ssize_t __write(int fd, void const* from, size_t size) { return write(fd, from, size); }
RAMIE_EXPORTED int __close(int fd) { return close(fd); }
RAMIE_EXPORTED int __dup2(int from, int to) noexcept { return dup2(from, to); }
RAMIE_EXPORTED int __connect(int fd, sockaddr const* to, socklen_t size) { return connect(fd, to, size); }
RAMIE_EXPORTED ssize_t __send(int fd, void const* from, size_t size, int flags) { return send(fd, from, size, flags); }
RAMIE_EXPORTED ssize_t __recv(int fd, void* into, size_t size, int flags) { return recv(fd, into, size, flags); }
RAMIE_EXPORTED int __sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    return sendmmsg(fd, messages, count, flags);
}
RAMIE_EXPORTED int __poll(pollfd* fds, nfds_t count, int timeout) { return poll(fds, count, timeout); }
RAMIE_EXPORTED int __select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout) {
    return select(count, readable, writable, exceptional, timeout);
}
RAMIE_EXPORTED int __nanosleep(timespec const* time, timespec* left) { return nanosleep(time, left); }

// Called by code that is compiled with _FORTIFY_SOURCE.
RAMIE_EXPORTED ssize_t __pread_chk(int fd, void* into, size_t size, off_t offset, size_t room) {
    ramie::hook::must_fit(size, room);
    return pread(fd, into, size, offset);
}
RAMIE_EXPORTED ssize_t __pread64_chk(int fd, void* into, size_t size, off64_t offset, size_t room) {
    ramie::hook::must_fit(size, room);
    return pread(fd, into, size, offset);
}
