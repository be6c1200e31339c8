// accept and connect, which have no flag that says "do not wait".
#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/detail/task/after.hpp>
#include <ramie/posix.hpp>

#include <algorithm>
#include <mutex>
#include <new>

#include <fcntl.h>

namespace ramie {

using detail::blocking_call;
using detail::calling_fiber;
using detail::direction;
using detail::libc;

namespace {

int option(int fd, int name) noexcept {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// -1 and EAGAIN: no connection. The lock keeps other fibers from taking the connection between the question and the
// call.
int try_accept(int listener, sockaddr* from, socklen_t* from_size, int flags) {
    auto* const entry = detail::foreign_table::at(listener);
    if (entry == nullptr) return -1;
    std::lock_guard const one_at_a_time(entry->accepting);
    pollfd asked{listener, POLLIN, 0};
    if (libc().poll(&asked, 1, 0) != 0) return libc().accept4(listener, from, from_size, flags);
    errno = EAGAIN;
    return -1;
}

int accept_on(blocking_call& call, sockaddr* from, socklen_t* from_size, int flags) noexcept try {
    bool asked = false;
    for (;;) {
        auto const fd = try_accept(call.fd(), from, from_size, flags);
        if (fd >= 0 || errno != EAGAIN) return fd;
        // A descriptor that does not listen must not be waited for: libc's call reports the error.
        if (!asked && option(call.fd(), SO_ACCEPTCONN) != 1) return libc().accept4(call.fd(), from, from_size, flags);
        asked = true;
        if (!call.wait(direction::read)) return -1;
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

// connect() with O_NONBLOCK set only during the call. -1 and EINPROGRESS, or EALREADY: under way. EAGAIN: a local
// listener's queue is full.
int begin_connect(int fd, int flags, sockaddr const* to, socklen_t size) noexcept {
    if (::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -1;
    auto const result = libc().connect(fd, to, size);
    auto const error = errno;
    (void)::fcntl(fd, F_SETFL, flags);
    errno = error;
    return result;
}

// No event tells when a local listener's queue has room again, so the fiber looks after a pause.
bool pause(blocking_call& call, std::chrono::milliseconds& length) noexcept {
    auto const until = std::min(call.limit(), detail::after(length));
    auto const ended = detail::park_here(call.self(), call.self().state.generation(), {"connect"}, until, call.rule());
    length = std::min(length * 2, std::chrono::milliseconds(50));
    errno = ended;
    return ended == EAGAIN && detail::carrier::now() < call.limit();
}

int connect_on(blocking_call& call, int flags, sockaddr const* to, socklen_t size) noexcept {
    std::chrono::milliseconds length{1};
    for (;;) {
        if (begin_connect(call.fd(), flags, to, size) == 0) return 0;
        if (errno == EINPROGRESS || errno == EALREADY) break;
        if (errno != EAGAIN || !call.begin_wait(direction::write) || !pause(call, length)) return -1;
    }
    call.limit_error(EINPROGRESS);
    pollfd asked{call.fd(), POLLOUT, 0};
    while (libc().poll(&asked, 1, 0) == 0) {
        if (!call.wait(direction::write)) return -1;
    }
    auto const error = option(call.fd(), SO_ERROR);
    if (error == 0 && (asked.revents & POLLOUT) != 0) return 0;
    if (error >= 0) errno = error > 0 ? error : ECONNABORTED;
    return -1;
}

}  // namespace

int posix::accept(int listener, sockaddr* from, socklen_t* from_size) {
    return posix::accept4(listener, from, from_size, 0);
}

int posix::accept4(int listener, sockaddr* from, socklen_t* from_size, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr || listener < 0) return libc().accept4(listener, from, from_size, flags);
    blocking_call call(*self, listener, "accept");
    if (!call.begin()) return -1;
    return accept_on(call, from, from_size, flags);
}

int posix::connect(int fd, sockaddr const* to, socklen_t size) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().connect(fd, to, size);
    auto const type = option(fd, SO_TYPE);
    auto const flags = type < 0 ? -1 : ::fcntl(fd, F_GETFL);
    // A datagram socket only notes the address; a socket with O_NONBLOCK does not wait.
    bool const waits = flags >= 0 && (flags & O_NONBLOCK) == 0 && (type == SOCK_STREAM || type == SOCK_SEQPACKET);
    blocking_call call(*self, fd, "connect");
    if (!call.begin()) return -1;
    if (!waits) return libc().connect(fd, to, size);
    return connect_on(call, flags, to, size);
}

}  // namespace ramie
