// libc's blocking calls for fibers: the same names, signatures, results and errno, but a call that has to wait parks
// its fiber instead of its thread. On a plain thread each is libc's own. For code that is ported by hand; libramie-hook
// does the same for code that is not changed at all (docs/porting.md).
//
// What holds for all of them
//   - The descriptor stays as its user set it. With O_NONBLOCK, or MSG_DONTWAIT in the call, it says EAGAIN;
//     SO_RCVTIMEO and SO_SNDTIMEO count; a blocking send sends everything.
//   - Suspension points, but no exception is thrown: an abort makes the call return -1 with ECANCELED, a deadline
//     (timeout) with ETIMEDOUT, and so does each further call; the exception comes at the next native abort point. If
//     bytes were transferred before, they are the result, as with a signal. Not while an abort_shield is open. A fiber
//     that repeats refused calls for ever is made to wait longer and longer, and is named at the end of the runtime.
//   - Each call counts against the fiber's budget, whether it waits or not: a fiber that makes many calls lets others
//     run now and then (a suspension point). So a loop that polls does not keep other fibers from running.
//   - A call resumes on the thread it left, so plain errno code is right. If that worker is stuck meanwhile, the call
//     waits for it.
//   - A signal handler that runs meanwhile does not end the call: no EINTR, but for the first fiber of run_as_threads
//     (docs/porting.md). A mask given (ppoll, pselect) lets through signals that the thread blocks: then EINTR.
//   - close() and dup2() of a descriptor that others wait for: their calls return -1 with EBADF before the number is
//     given away. If the number is closed in a way that Ramie does not see, they may go on waiting, as threads do; no
//     later call is confused by that.
//   - Regular files never wait: reading one blocks the worker as long as the disk does (ramie::file does not).
//
// What is different from threads
//   - accept() on a blocking listener asks whether there is a connection and takes it, as one step among fibers. If
//     another process, or a thread by libc's accept(), takes it in between, the worker blocks until the next one:
//     listeners that are shared like that should have O_NONBLOCK and be polled.
//   - connect() on a blocking stream socket sets O_NONBLOCK during the call.
//   - Terminals, and pipes before Linux 6.4, are first asked whether they are ready and then used: another reader in
//     between makes the worker block.
#pragma once

#include <ramie/detail/ground/language.hpp>
#include <ramie/posix_files.hpp>
#include <ramie/posix_processes.hpp>

#include <cerrno>
#include <ctime>
#include <threads.h>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ramie::posix {

RAMIE_API ssize_t read(int fd, void* into, std::size_t size);
RAMIE_API ssize_t readv(int fd, iovec const* parts, int count);
RAMIE_API ssize_t write(int fd, void const* from, std::size_t size);
RAMIE_API ssize_t writev(int fd, iovec const* parts, int count);

RAMIE_API ssize_t recv(int fd, void* into, std::size_t size, int flags);
RAMIE_API ssize_t recvfrom(int fd, void* into, std::size_t size, int flags, sockaddr* from, socklen_t* from_size);
RAMIE_API ssize_t recvmsg(int fd, msghdr* message, int flags);
// `timeout` is checked after each datagram, as libc does.
RAMIE_API int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);
RAMIE_API ssize_t send(int fd, void const* from, std::size_t size, int flags);
RAMIE_API ssize_t sendto(int fd, void const* from, std::size_t size, int flags, sockaddr const* to, socklen_t to_size);
RAMIE_API ssize_t sendmsg(int fd, msghdr const* message, int flags);
RAMIE_API int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);

RAMIE_API int accept(int listener, sockaddr* from, socklen_t* from_size);
RAMIE_API int accept4(int listener, sockaddr* from, socklen_t* from_size, int flags);
// An aborted or timed out connect goes on in the kernel, as after EINTR.
RAMIE_API int connect(int fd, sockaddr const* to, socklen_t size);

RAMIE_API int close(int fd);
// Without flags, like close() of each number. Descriptors that Ramie itself has open are closed, too: so use it in a
// child before its exec, or for a range of the caller's own.
RAMIE_API int close_range(unsigned first, unsigned last, int flags);
RAMIE_API int dup2(int from, int to);
RAMIE_API int dup3(int from, int to, int flags);

RAMIE_API int poll(pollfd* fds, nfds_t count, int timeout_ms);
RAMIE_API int ppoll(pollfd* fds, nfds_t count, timespec const* timeout, sigset_t const* mask);
RAMIE_API int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout);
RAMIE_API int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timespec const* timeout,
                      sigset_t const* mask);
RAMIE_API int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms);
RAMIE_API int epoll_pwait(int epoll, epoll_event* events, int count, int timeout_ms, sigset_t const* mask);
RAMIE_API int epoll_pwait2(int epoll, epoll_event* events, int count, timespec const* timeout, sigset_t const* mask);
inline int eventfd_read(int fd, eventfd_t* value) {
    return posix::read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}
inline int eventfd_write(int fd, eventfd_t value) {
    return posix::write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

// After an abort, or when a deadline comes first: the seconds left, rounded up.
RAMIE_API unsigned sleep(unsigned seconds);
RAMIE_API int usleep(useconds_t microseconds);
RAMIE_API int nanosleep(timespec const* time, timespec* left);
// CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC and CLOCK_BOOTTIME. (With a time on one of these, changes of the clock
// during the wait, and time while the machine sleeps, do not count.) Clocks of processor time: libc's.
RAMIE_API int clock_nanosleep(clockid_t clock, int flags, timespec const* time, timespec* left);
// -1: ended before its time; `left` is the time left.
inline int thrd_sleep(timespec const* time, timespec* left) {
    auto const error = posix::clock_nanosleep(CLOCK_REALTIME, 0, time, left);
    return error == 0 ? 0 : error == EINTR || error == ECANCELED || error == ETIMEDOUT ? -1 : -2;
}
RAMIE_API int sched_yield();
inline void thrd_yield() { (void)posix::sched_yield(); }

// On the runtime's blocking pool. On abort: EAI_SYSTEM and ECANCELED; the look-up goes on in the pool.
RAMIE_API int getaddrinfo(char const* host, char const* service, addrinfo const* hints, addrinfo** found);
using ::freeaddrinfo, ::gai_strerror;
// These wait for the pool's answer in any case, since it goes into the caller's memory.
RAMIE_API int getnameinfo(sockaddr const* address, socklen_t size, char* host, socklen_t host_size, char* service,
                          socklen_t service_size, int flags);
RAMIE_API hostent* gethostbyname(char const* host);
RAMIE_API hostent* gethostbyname2(char const* host, int family);
RAMIE_API int gethostbyname_r(char const* host, hostent* into, char* buffer, std::size_t size, hostent** found,
                              int* error);
RAMIE_API int gethostbyname2_r(char const* host, int family, hostent* into, char* buffer, std::size_t size,
                               hostent** found, int* error);

// These never wait.
using ::bind, ::dup, ::getpeername, ::getsockname, ::getsockopt, ::ioctl, ::listen, ::pipe, ::pipe2,
    ::setsockopt, ::shutdown, ::socket, ::socketpair;

}  // namespace ramie::posix
