// read and write, on any kind of descriptor.
//   a socket       as recv and send
//   anything else  as other_file.hpp says
#include "libc/libc_calls.hpp"
#include "posix/other_file.hpp"
#include "posix/receiving.hpp"
#include "posix/sending.hpp"

#include <ramie/posix.hpp>

#include <algorithm>
#include <climits>
#include <new>

namespace ramie {

using detail::blocking_call;
using detail::calling_fiber;
using detail::direction;
using detail::libc;
using detail::other_file;
using detail::parts;

namespace {

ssize_t read_parts(blocking_call& call, parts& into) {
    auto const p = into.left();
    msghdr message{};
    message.msg_iov = p.data();
    message.msg_iovlen = p.size();
    auto const n = until_done(call, direction::read, [&] {
        return p.size() == 1 ? libc().recv(call.fd(), p[0].iov_base, p[0].iov_len, MSG_DONTWAIT)
                             : libc().recvmsg(call.fd(), &message, MSG_DONTWAIT);
    });
    if (n >= 0 || errno != ENOTSOCK) return n;
    other_file file(call);
    return until_done(call, direction::read, [&] { return file.read(into); });
}

ssize_t write_parts(blocking_call& call, parts& from) {
    msghdr message{};
    message.msg_iov = from.left().data();
    message.msg_iovlen = from.left().size();
    auto const sent = detail::send_all(call, message, 0);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    other_file file(call);
    std::size_t done = 0;
    for (;;) {
        auto const n = until_done(call, direction::write, [&] { return file.write(from); });
        if (n < 0) return done > 0 ? static_cast<ssize_t>(done) : -1;
        done += static_cast<std::size_t>(n);
        from.advance(static_cast<std::size_t>(n));
        if (n == 0 || from.left().empty() || !file.is_stream()) return static_cast<ssize_t>(done);
    }
}

template <class Transfer>
ssize_t transfer(detail::waiter& self, char const* what, int fd, iovec const* first, int count, Transfer&& go) noexcept
    try {
    blocking_call call(self, fd, what);
    if (!call.begin()) return -1;
    parts all(first, static_cast<std::size_t>(count));
    return go(call, all);
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

// Calls that libc answers without waiting: those that transfer nothing (for a datagram socket recv() and read() differ
// in that case), and mistakes.
bool is_for_libc(iovec const* parts, int count) noexcept {
    if (count <= 0 || count > IOV_MAX) return true;
    return std::all_of(parts, parts + count, [](iovec const& each) { return each.iov_len == 0; });
}

}  // namespace

ssize_t posix::read(int fd, void* into, std::size_t size) {
    auto* const self = calling_fiber();
    if (self == nullptr || size == 0) return libc().read(fd, into, size);
    iovec const part{into, size};
    return transfer(*self, "read", fd, &part, 1, read_parts);
}

ssize_t posix::readv(int fd, iovec const* into, int count) {
    auto* const self = calling_fiber();
    if (self == nullptr || is_for_libc(into, count)) return libc().readv(fd, into, count);
    return transfer(*self, "readv", fd, into, count, read_parts);
}

ssize_t posix::write(int fd, void const* from, std::size_t size) {
    auto* const self = calling_fiber();
    if (self == nullptr || size == 0) return libc().write(fd, from, size);
    iovec const part{const_cast<void*>(from), size};
    return transfer(*self, "write", fd, &part, 1, write_parts);
}

ssize_t posix::writev(int fd, iovec const* from, int count) {
    auto* const self = calling_fiber();
    if (self == nullptr || is_for_libc(from, count)) return libc().writev(fd, from, count);
    return transfer(*self, "writev", fd, from, count, write_parts);
}

}  // namespace ramie
