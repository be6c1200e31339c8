// send and its kin: a blocking stream takes everything, part by part.
#include "posix/sending.hpp"

#include "libc/libc_calls.hpp"

#include <ramie/posix.hpp>

#include <new>

namespace ramie {

using detail::blocking_call;
using detail::calling_fiber;
using detail::direction;
using detail::libc;

ssize_t detail::send_all(blocking_call& call, msghdr message, int flags) noexcept try {
    parts from(message.msg_iov, message.msg_iovlen);
    std::size_t done = 0;
    for (;;) {
        if (done > 0 && has_failed(call.fd())) return static_cast<ssize_t>(done);
        message.msg_iov = from.left().data();
        message.msg_iovlen = from.left().size();
        // If a part was sent before, there is a result, and no SIGPIPE.
        auto const n = libc().sendmsg(call.fd(), &message, flags | MSG_DONTWAIT | (done > 0 ? MSG_NOSIGNAL : 0));
        if (n < 0) {
            if (errno == EAGAIN && call.wait(direction::write)) continue;
            return done > 0 ? static_cast<ssize_t>(done) : -1;
        }
        done += static_cast<std::size_t>(n);
        from.advance(static_cast<std::size_t>(n));
        if (n == 0 || from.left().empty()) return static_cast<ssize_t>(done);
        message.msg_control = nullptr;  // the control data went with the first byte
        message.msg_controllen = 0;
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

ssize_t posix::send(int fd, void const* from, std::size_t size, int flags) {
    return sendto(fd, from, size, flags, nullptr, 0);
}

ssize_t posix::sendto(int fd, void const* from, std::size_t size, int flags, sockaddr const* to, socklen_t to_size) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().sendto(fd, from, size, flags, to, to_size);
    blocking_call call(*self, fd, "send");
    if (!call.begin()) return -1;
    if ((flags & MSG_DONTWAIT) != 0) return libc().sendto(fd, from, size, flags, to, to_size);
    auto const first = libc().sendto(fd, from, size, flags | MSG_DONTWAIT, to, to_size);
    if (first < 0 && (errno != EAGAIN || !call.wait(direction::write))) return -1;
    auto const done = static_cast<std::size_t>(first < 0 ? 0 : first);
    if (first >= 0 && done == size) return first;
    iovec part{static_cast<std::byte*>(const_cast<void*>(from)) + done, size - done};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to);
    message.msg_namelen = to_size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    auto const rest = detail::send_all(call, message, done > 0 ? flags | MSG_NOSIGNAL : flags);
    return rest < 0 && done > 0 ? first : static_cast<ssize_t>(done) + rest;
}

ssize_t posix::sendmsg(int fd, msghdr const* message, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr || message == nullptr || message->msg_iovlen > 1024)
        return libc().sendmsg(fd, message, flags);
    blocking_call call(*self, fd, "sendmsg");
    if (!call.begin()) return -1;
    if ((flags & MSG_DONTWAIT) != 0) return libc().sendmsg(fd, message, flags);
    return detail::send_all(call, *message, flags);
}

int posix::sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().sendmmsg(fd, messages, count, flags);
    blocking_call call(*self, fd, "sendmmsg");
    if (!call.begin()) return -1;
    if ((flags & MSG_DONTWAIT) != 0) return libc().sendmmsg(fd, messages, count, flags);
    unsigned done = 0;
    for (; done < count && done < 1024; ++done) {
        auto const n = detail::send_all(call, messages[done].msg_hdr, flags);
        if (n < 0) break;
        messages[done].msg_len = static_cast<unsigned>(n);
    }
    return done > 0 || count == 0 ? static_cast<int>(done) : -1;
}

}  // namespace ramie
