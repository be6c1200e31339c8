// open() of a FIFO, which waits for the other end.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"

#include <ramie/posix_files.hpp>

#include <sys/stat.h>

namespace ramie {

using detail::calling_fiber;
using detail::libc;

namespace {

bool may_wait(int directory, char const* path, int flags) noexcept {
    if ((flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) != 0 || (flags & O_TMPFILE) == O_TMPFILE) return false;
    if ((flags & O_ACCMODE) == O_RDWR || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return false;
    auto const error = errno;
    struct stat status {};
    int const how = (flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
    bool const is_fifo = ::fstatat(directory, path, &status, how) == 0 && S_ISFIFO(status.st_mode);
    errno = error;
    return is_fifo;
}

// A writer need not wait if a reader is there already. (A reader cannot tell whether its writer has come.)
int open_if_reader_is_there(int directory, char const* path, int flags, mode_t mode) noexcept {
    auto const fd = libc().openat(directory, path, flags | O_NONBLOCK, mode);
    if (fd < 0) return -1;
    auto const now = libc().fcntl(fd, F_GETFL);
    if (now >= 0 && libc().fcntl(fd, F_SETFL, now & ~O_NONBLOCK) == 0) return fd;
    auto const error = errno;
    libc().close(fd);
    errno = error;
    return -1;
}

}  // namespace

int posix::openat(int directory, char const* path, int flags, mode_t mode) {
    auto* const self = calling_fiber();
    if (self == nullptr || !may_wait(directory, path, flags)) return libc().openat(directory, path, flags, mode);
    if (!detail::may_go_on(*self, "open")) return -1;
    if ((flags & O_ACCMODE) == O_WRONLY) {
        auto const fd = open_if_reader_is_there(directory, path, flags, mode);
        if (fd >= 0 || errno != ENXIO) return fd;
    }
    return detail::call_on_pool(*self, [=] { return libc().openat(directory, path, flags, mode); });
}

}  // namespace ramie
