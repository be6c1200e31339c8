// recv and its kin. The attempts are made with MSG_DONTWAIT, so the socket itself stays blocking.
#include "posix/receiving.hpp"

#include "libc/libc_calls.hpp"
#include "posix/news.hpp"

#include <ramie/posix.hpp>

#include <new>

#include <sys/ioctl.h>

namespace ramie {

using detail::blocking_call;
using detail::calling_fiber;
using detail::direction;
using detail::libc;

namespace {

// Whether such a call never waits. Some sockets have no error queue, and ignore that flag.
bool never_waits(int fd, int flags) noexcept {
    if ((flags & (MSG_DONTWAIT | MSG_OOB)) != 0) return true;
    if ((flags & MSG_ERRQUEUE) == 0) return false;
    int domain = 0;
    socklen_t size = sizeof domain;
    (void)::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    return domain != AF_UNIX && domain != AF_NETLINK;
}

bool is_stream(int fd) noexcept {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

bool has_data(int fd) noexcept {
    int bytes = 0;
    return ::ioctl(fd, FIONREAD, &bytes) != 0 || bytes > 0;
}

// The message brought descriptors: there a receive ends.
bool has_descriptors(msghdr& message) noexcept {
    if (message.msg_control == nullptr) return false;
    for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) return true;
    return false;
}

// MSG_WAITALL together with MSG_PEEK: looks again whenever more has come.
ssize_t peek_all(blocking_call& call, msghdr& message, std::size_t size, int flags) {
    detail::news news(call.self(), "recv");
    for (;;) {
        pollfd const asked{call.fd(), POLLIN, 0};
        if (!news.expect({&asked, 1})) return -1;
        msghdr m = message;
        auto const n = libc().recvmsg(call.fd(), &m, flags | MSG_DONTWAIT);
        bool const would_wait = n < 0 ? errno == EAGAIN : n > 0 && static_cast<std::size_t>(n) < size;
        if (!would_wait || !is_stream(call.fd()) || !call.begin_wait(direction::read)) {
            message = m;
            return n;
        }
        if (auto const error = news.wait(call.limit(), call.rule()); error != 0) {
            if (n > 0) return n;
            errno = error;
            return -1;
        }
    }
}

}  // namespace

ssize_t detail::receive_all(blocking_call& call, msghdr& message, int flags) noexcept try {
    parts into(message.msg_iov, message.msg_iovlen);
    if ((flags & MSG_PEEK) != 0) return peek_all(call, message, into.size(), flags);
    std::size_t done = 0;
    msghdr m = message;
    for (;;) {
        if (done > 0 && has_failed(call.fd()) && !has_data(call.fd())) return static_cast<ssize_t>(done);
        m.msg_iov = into.left().data();
        m.msg_iovlen = into.left().size();
        auto const n = libc().recvmsg(call.fd(), &m, flags | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EAGAIN && call.wait(direction::read)) continue;
            return done > 0 ? static_cast<ssize_t>(done) : -1;
        }
        if (done == 0) {
            auto* const buffers = message.msg_iov;
            auto const count = message.msg_iovlen;
            message = m;
            message.msg_iov = buffers;
            message.msg_iovlen = count;
        }
        bool const whole = done == 0 && (has_descriptors(m) || !is_stream(call.fd()));
        done += static_cast<std::size_t>(n);
        into.advance(static_cast<std::size_t>(n));
        if (n == 0 || whole || into.left().empty()) return static_cast<ssize_t>(done);
        m.msg_name = nullptr;  // name and control data came with the first byte
        m.msg_namelen = 0;
        m.msg_control = nullptr;
        m.msg_controllen = 0;
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

ssize_t posix::recv(int fd, void* into, std::size_t size, int flags) {
    return recvfrom(fd, into, size, flags, nullptr, nullptr);
}

ssize_t posix::recvfrom(int fd, void* into, std::size_t size, int flags, sockaddr* from, socklen_t* from_size) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().recvfrom(fd, into, size, flags, from, from_size);
    blocking_call call(*self, fd, "recv");
    if (!call.begin()) return -1;
    if (never_waits(fd, flags)) return libc().recvfrom(fd, into, size, flags, from, from_size);
    bool const good_address = from == nullptr || from_size != nullptr;
    if ((flags & MSG_WAITALL) != 0 && size > 0 && good_address) {
        iovec part{into, size};
        msghdr message{};
        message.msg_name = from;
        message.msg_namelen = from != nullptr ? *from_size : 0;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        auto const n = detail::receive_all(call, message, flags);
        if (n >= 0 && from != nullptr) *from_size = message.msg_namelen;
        return n;
    }
    return until_done(call, direction::read,
                      [&] { return libc().recvfrom(fd, into, size, flags | MSG_DONTWAIT, from, from_size); });
}

ssize_t posix::recvmsg(int fd, msghdr* message, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr || message == nullptr) return libc().recvmsg(fd, message, flags);
    blocking_call call(*self, fd, "recvmsg");
    if (!call.begin()) return -1;
    if (never_waits(fd, flags)) return libc().recvmsg(fd, message, flags);
    if ((flags & MSG_WAITALL) != 0 && message->msg_iovlen > 0 && message->msg_iovlen <= 1024)
        return detail::receive_all(call, *message, flags);
    return until_done(call, direction::read, [&] { return libc().recvmsg(fd, message, flags | MSG_DONTWAIT); });
}

int posix::recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().recvmmsg(fd, messages, count, flags, timeout);
    blocking_call call(*self, fd, "recvmmsg");
    if (!call.begin()) return -1;
    if (never_waits(fd, flags)) return libc().recvmmsg(fd, messages, count, flags, timeout);
    auto const until = timeout != nullptr ? detail::after(detail::duration_of(*timeout)) : detail::never;
    unsigned done = 0;
    for (;;) {
        auto const n =
            libc().recvmmsg(fd, messages + done, count - done, (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT, nullptr);
        if (n > 0) done += static_cast<unsigned>(n);
        bool const enough =
            done == count || (done > 0 && ((flags & MSG_WAITFORONE) != 0 || detail::carrier::now() >= until));
        if (enough || n == 0) break;
        if (n < 0 && errno != EAGAIN) break;
        if (n < 0 && !call.wait(direction::read)) break;
    }
    if (timeout != nullptr) *timeout = detail::timespec_of(until);
    return done > 0 || count == 0 ? static_cast<int>(done) : -1;
}

}  // namespace ramie
