#include "posix/other_file.hpp"

#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace ramie::detail {

other_file::other_file(blocking_call& call) noexcept : call_(call) {
    struct stat status {};
    if (::fstat(call.fd(), &status) != 0) return;  // the attempt will report the error
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) return;
    constexpr unsigned memory_devices = 1;
    is_device_ = S_ISCHR(status.st_mode) && ::major(status.st_rdev) != memory_devices;
    how_ = how::messages;
    if (S_ISFIFO(status.st_mode)) {
        how_ = how::stream;
        most_at_once_ = PIPE_BUF;
    } else if (is_device_ && ::isatty(call.fd()) == 1) {
        how_ = how::stream;
        most_at_once_ = 256;
    }
}

// EINVAL is final: if the file has no such operation, or not with such a buffer, the plain call would say so too.
other_file::answer other_file::to_attempt(ssize_t n) noexcept {
    if (n >= 0 || (errno != EOPNOTSUPP && errno != ESPIPE && errno != ENOSYS)) return answer::final;
    knows_nowait_ = false;
    return answer::ask_it;
}

bool other_file::is_ready(short event) const noexcept {
    pollfd asked{call_.fd(), event, 0};
    if (libc().poll(&asked, 1, 0) != 0) return true;  // or an error that the call itself will report
    errno = EAGAIN;
    return false;
}

// poll() always calls such a device ready, but the call then waits.
bool other_file::is_device_without_poll() noexcept {
    if (!is_device_ || how_ == how::stream) return false;
    auto const set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) return true;
    epoll_event event{};
    bool const refused = ::epoll_ctl(set, EPOLL_CTL_ADD, call_.fd(), &event) != 0 && errno == EPERM;
    libc().close(set);
    return refused;
}

// Only pipes, terminals and eventfds are known to report when there is room again.
bool other_file::says_when_it_has_room() const noexcept {
    if (how_ == how::stream) return true;
    std::array<char, 64> path, target;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", call_.fd());
    auto const n = ::readlink(path.data(), target.data(), target.size());
    return n > 0 && std::string_view(target.data(), static_cast<std::size_t>(n)) == "anon_inode:[eventfd]";
}

bool other_file::is_non_blocking() const noexcept { return (::fcntl(call_.fd(), F_GETFL) & O_NONBLOCK) != 0; }

ssize_t other_file::read(parts const& into) noexcept {
    auto const p = into.left();
    auto const count = static_cast<int>(p.size());
    auto const in_place = [&] { return libc().readv(call_.fd(), p.data(), count); };
    if (kind() == how::in_place) return in_place();
    if (knows_nowait_) {
        auto const n = libc().preadv2(call_.fd(), p.data(), count, -1, RWF_NOWAIT);
        if (to_attempt(n) == answer::final) return n;
    }
    if (!is_ready(POLLIN)) return -1;
    if (is_device_without_poll() && !is_non_blocking()) return call_on_pool(call_.self(), in_place);
    return in_place();
}

ssize_t other_file::write(parts const& from) noexcept {
    auto const p = from.left();
    auto const count = static_cast<int>(p.size());
    auto const in_place = [&] { return libc().writev(call_.fd(), p.data(), count); };
    if (kind() == how::in_place) return in_place();
    if (knows_nowait_) {
        auto const n = libc().pwritev2(call_.fd(), p.data(), count, -1, RWF_NOWAIT);
        if (to_attempt(n) == answer::final) return n;
    }
    if (is_ready(POLLOUT)) {
        if (how_ == how::stream) return write_some(from);
        return is_device_without_poll() && !is_non_blocking() ? call_on_pool(call_.self(), in_place) : in_place();
    }
    if (says_when_it_has_room()) {
        errno = EAGAIN;
        return -1;
    }
    return is_non_blocking() ? in_place() : call_on_pool(call_.self(), in_place);
}

// Never more than surely fits. A smaller write goes out in one piece, as other writers of the same file expect.
ssize_t other_file::write_some(parts const& from) noexcept {
    auto const p = from.left();
    if (from.size() <= most_at_once_) return libc().writev(call_.fd(), p.data(), static_cast<int>(p.size()));
    return libc().write(call_.fd(), p.front().iov_base, std::min(p.front().iov_len, most_at_once_));
}

}  // namespace ramie::detail
