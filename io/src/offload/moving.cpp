// sendfile, splice, tee and vmsplice: from one descriptor to another, not through this process's memory.
//
// Pipes are tried with SPLICE_F_NONBLOCK. Stream sockets ignore it (only O_NONBLOCK would help, and all users of the
// socket share that flag): so they are first asked whether they are ready, and get no more at a time than they have
// room for.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"

#include <ramie/posix_files.hpp>

#include <algorithm>
#include <optional>

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace ramie {

using detail::blocking_call;
using detail::call_on_pool;
using detail::calling_fiber;
using detail::direction;
using detail::libc;
using detail::may_go_on;
using detail::waiter;

namespace {

enum class kind { pipe, stream_socket, file, other };

kind kind_of(int fd) noexcept {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return kind::other;  // the call itself will report the error
    if (S_ISFIFO(status.st_mode)) return kind::pipe;
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return kind::file;
    int type = 0;
    socklen_t size = sizeof type;
    bool const is_stream = S_ISSOCK(status.st_mode) && ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                           type == SOCK_STREAM;
    return is_stream ? kind::stream_socket : kind::other;
}

bool is_non_blocking(int fd) noexcept {
    auto const flags = libc().fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

bool is_ready(int fd, direction d) noexcept {
    pollfd asked{fd, static_cast<short>(d == direction::read ? POLLIN : POLLOUT), 0};
    return libc().poll(&asked, 1, 0) != 0;  // or an error that the call itself will report
}

// How much a blocking stream socket that is ready for writing takes without waiting. Half of the free room: queued
// bytes take more room than their number.
std::size_t room_of(int fd) noexcept {
    constexpr std::size_t one_segment = 16 * 1024, page = 4096;
    std::uint32_t memory[SK_MEMINFO_VARS]{};
    socklen_t size = sizeof memory;
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) != 0) return page;
    auto const all = memory[SK_MEMINFO_SNDBUF];
    auto const used = std::max(memory[SK_MEMINFO_WMEM_QUEUED], memory[SK_MEMINFO_WMEM_ALLOC]);
    std::size_t const free = all > used ? (all - used) / 2 : 0;
    int most_unsent = 0;  // TCP may have a limit of its own, checked with each segment
    size = sizeof most_unsent;
    bool const bounded =
        ::getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, &size) == 0 && most_unsent != 0;
    return std::max(page, bounded ? std::min(free, one_segment) : free);
}

// One side of a transfer; it may have to be waited for.
class side {
  public:
    side(waiter& self, int fd, direction d, char const* what) noexcept
        : kind_(kind_of(fd)), towards_(d), call_(self, fd, what) {}

    kind what() const noexcept { return kind_; }
    int fd() const noexcept { return call_.fd(); }
    bool can_wait() const noexcept { return kind_ == kind::pipe || kind_ == kind::stream_socket; }
    bool is_ready() const noexcept { return !can_wait() || ramie::is_ready(fd(), towards_); }
    // False: errno says why.
    [[nodiscard]] bool wait() noexcept { return call_.wait(towards_); }
    void has_part() noexcept { call_.has_part(); }
    // A socket whose readiness must be asked for, since the attempt itself would wait.
    bool must_be_asked() const noexcept { return kind_ == kind::stream_socket && !is_non_blocking(fd()); }
    std::size_t most() const noexcept {
        return towards_ == direction::write && must_be_asked() ? room_of(fd()) : std::size_t{1} << 30;
    }

  private:
    kind const kind_;
    direction const towards_;
    blocking_call call_;
};

// attempt(size) until the answer is not EAGAIN; waits for the side that is not ready. Both sides may seem ready while
// the attempt still says EAGAIN (a pipe whose last page is only half full): then a pool thread makes the call and
// waits.
template <class Attempt>
ssize_t move(waiter& self, side& from, side& to, std::size_t size, bool waits, Attempt&& attempt) noexcept {
    for (int in_vain = 0; in_vain < 3;) {
        bool const ask = from.must_be_asked() || to.must_be_asked();
        bool const ready = !ask || (from.is_ready() && to.is_ready());
        if (ready) {
            auto const n = attempt(std::min(size, to.most()), SPLICE_F_NONBLOCK);
            if (n >= 0 || errno != EAGAIN || !waits) return n;
            if (from.is_ready() && to.is_ready()) {
                ++in_vain;
                continue;
            }
        }
        errno = EAGAIN;
        auto& missing = from.is_ready() ? to : from;
        if (!waits && missing.what() == kind::pipe) return -1;
        if (!missing.wait()) return -1;
    }
    return call_on_pool(self, [&] { return attempt(size, 0u); });
}

}  // namespace

ssize_t posix::splice(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, unsigned flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().splice(from, from_offset, to, to_offset, size, flags);
    if (!may_go_on(*self, "splice")) return -1;
    side in(*self, from, direction::read, "splice"), out(*self, to, direction::write, "splice");
    if (size == 0 || (in.what() != kind::pipe && out.what() != kind::pipe))  // the kernel refuses this too
        return libc().splice(from, from_offset, to, to_offset, size, flags);
    if (in.what() == kind::other || out.what() == kind::other)
        return call_on_pool(*self, [=] { return libc().splice(from, from_offset, to, to_offset, size, flags); });
    bool const waits = (flags & SPLICE_F_NONBLOCK) == 0 && !(in.what() == kind::pipe && is_non_blocking(from)) &&
                       !(out.what() == kind::pipe && is_non_blocking(to));
    return move(*self, in, out, size, waits, [&](std::size_t most, unsigned how) {
        return libc().splice(from, from_offset, to, to_offset, most, flags | how);
    });
}

ssize_t posix::tee(int from, int to, std::size_t size, unsigned flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().tee(from, to, size, flags);
    if (!may_go_on(*self, "tee")) return -1;
    side in(*self, from, direction::read, "tee"), out(*self, to, direction::write, "tee");
    if (size == 0 || in.what() != kind::pipe || out.what() != kind::pipe) return libc().tee(from, to, size, flags);
    bool const waits = (flags & SPLICE_F_NONBLOCK) == 0 && !is_non_blocking(from) && !is_non_blocking(to);
    return move(*self, in, out, size, waits,
                [&](std::size_t most, unsigned how) { return libc().tee(from, to, most, flags | how); });
}

ssize_t posix::vmsplice(int pipe, iovec const* parts, std::size_t count, unsigned flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().vmsplice(pipe, parts, count, flags);
    if (!may_go_on(*self, "vmsplice")) return -1;
    if ((flags & SPLICE_F_NONBLOCK) != 0 || kind_of(pipe) != kind::pipe)
        return libc().vmsplice(pipe, parts, count, flags);
    bool const writes = (libc().fcntl(pipe, F_GETFL) & O_ACCMODE) != O_RDONLY;
    blocking_call call(*self, pipe, "vmsplice");
    return until_done(call, writes ? direction::write : direction::read,
                      [&] { return libc().vmsplice(pipe, parts, count, flags | SPLICE_F_NONBLOCK); });
}

ssize_t posix::sendfile(int to, int from, off_t* offset, std::size_t size) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().sendfile(to, from, offset, size);
    if (!may_go_on(*self, "sendfile")) return -1;
    side in(*self, from, direction::read, "sendfile"), out(*self, to, direction::write, "sendfile");
    if (size == 0 || (in.what() == kind::file && out.what() == kind::file) || is_non_blocking(to))
        return libc().sendfile(to, from, offset, size);
    if (in.what() != kind::file || !out.can_wait())
        return call_on_pool(*self, [=] { return libc().sendfile(to, from, offset, size); });
    if (out.what() == kind::pipe)  // it takes what it has room for
        return move(*self, in, out, size, true, [&](std::size_t most, unsigned how) {
            return libc().splice(from, offset, to, nullptr, most, how);
        });
    std::size_t done = 0;
    while (done < size) {
        auto const n = move(*self, in, out, size - done, true,
                            [&](std::size_t most, unsigned) { return libc().sendfile(to, from, offset, most); });
        if (n < 0) return done > 0 ? static_cast<ssize_t>(done) : -1;
        if (n == 0) break;  // the end of the file
        done += static_cast<std::size_t>(n);
        out.has_part();
    }
    return static_cast<ssize_t>(done);
}

}  // namespace ramie
