// read and write, on whatever the number stands for.
//   a socket        as recv and send
//   a regular file  libc's own: it never says EAGAIN
//   anything else   (pipes, terminals, eventfd, ...) with RWF_NOWAIT; where the file does not know that, it is asked
//                   whether it is ready, and then used
#include "libc_calls.hpp"
#include "receiving.hpp"
#include "sending.hpp"

#include <ramie/posix.hpp>

#include <climits>
#include <new>

#include <poll.h>
#include <sys/stat.h>

namespace ramie {

using detail::blocking_call;
using detail::calling_fiber;
using detail::direction;
using detail::libc;
using detail::parts;

namespace {

// A file that is not a socket.
class other_file {
  public:
    explicit other_file(blocking_call& call) noexcept : call_(call) {
        struct stat status {};
        if (::fstat(call.fd(), &status) != 0) return;  // the attempt will say why
        waits_ = !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && !S_ISBLK(status.st_mode);
        most_at_once_ = S_ISFIFO(status.st_mode) ? PIPE_BUF : 256;
    }

    // -1 and EAGAIN: it would wait.
    ssize_t read(parts const& into) noexcept {
        auto const p = into.left();
        auto const count = static_cast<int>(p.size());
        if (knows_nowait_ && waits()) {
            auto const n = libc().preadv2(call_.fd(), p.data(), count, -1, RWF_NOWAIT);
            if (n >= 0 || !must_be_asked()) return n;
        }
        if (waits() && !is_ready(POLLIN)) return -1;
        return libc().readv(call_.fd(), p.data(), count);
    }

    ssize_t write(parts const& from) noexcept {
        auto const p = from.left();
        auto const count = static_cast<int>(p.size());
        if (knows_nowait_ && waits()) {
            auto const n = libc().pwritev2(call_.fd(), p.data(), count, -1, RWF_NOWAIT);
            if (n >= 0 || !must_be_asked()) return n;
        }
        if (!waits()) return libc().writev(call_.fd(), p.data(), count);
        if (!is_ready(POLLOUT)) return -1;
        // No more than surely fits.
        return libc().write(call_.fd(), p.front().iov_base, std::min(p.front().iov_len, most_at_once_));
    }

  private:
    bool waits() const noexcept { return waits_ && !call_.never_waits(); }
    bool must_be_asked() noexcept {
        if (errno != EOPNOTSUPP && errno != EINVAL && errno != ESPIPE && errno != ENOSYS) return false;
        knows_nowait_ = false;
        return true;
    }
    bool is_ready(short event) const noexcept {
        pollfd asked{call_.fd(), event, 0};
        if (libc().poll(&asked, 1, 0) != 0) return true;  // or an error that the call itself will tell
        errno = EAGAIN;
        return false;
    }

    blocking_call& call_;
    bool waits_ = false;
    bool knows_nowait_ = true;
    std::size_t most_at_once_ = SSIZE_MAX;
};

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
        if (n == 0 || from.left().empty()) return static_cast<ssize_t>(done);
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

// What libc's own call answers without waiting: nothing to transfer (which, to a datagram socket, is not the same by
// recv() as by read()), or a mistake.
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
