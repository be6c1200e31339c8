// pread and its kin. Files with positions never wait; a position of -1 means the file's own, and any kind of file.
#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/posix.hpp>
#include <ramie/posix_files.hpp>

#include <sys/stat.h>

namespace ramie {

using detail::calling_fiber;
using detail::libc;

namespace {

bool is_refused(char const* what) noexcept {
    auto* const self = calling_fiber();
    return self != nullptr && !detail::may_go_on(*self, what);
}

// Whether the call can be made as readv() or writev(): not on regular files, where the flags mean something; and not
// with unknown flags, because libc reports those.
bool is_as_without_flags(int fd, off_t offset, int flags) noexcept {
    constexpr int without_meaning = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND;
    if (offset != -1 || (flags & ~without_meaning) != 0 || detail::running_fiber() == nullptr) return false;
    auto const error = errno;
    struct stat status {};
    bool const waits = ::fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
                       !S_ISBLK(status.st_mode);
    errno = error;
    return waits;
}

}  // namespace

ssize_t posix::pread(int fd, void* into, std::size_t size, off_t offset) {
    return is_refused("pread") ? -1 : libc().pread(fd, into, size, offset);
}
ssize_t posix::pwrite(int fd, void const* from, std::size_t size, off_t offset) {
    return is_refused("pwrite") ? -1 : libc().pwrite(fd, from, size, offset);
}
ssize_t posix::preadv(int fd, iovec const* parts, int count, off_t offset) {
    return is_refused("preadv") ? -1 : libc().preadv(fd, parts, count, offset);
}
ssize_t posix::pwritev(int fd, iovec const* parts, int count, off_t offset) {
    return is_refused("pwritev") ? -1 : libc().pwritev(fd, parts, count, offset);
}
ssize_t posix::preadv2(int fd, iovec const* parts, int count, off_t offset, int flags) {
    if (is_as_without_flags(fd, offset, flags)) return posix::readv(fd, parts, count);
    return is_refused("preadv2") ? -1 : libc().preadv2(fd, parts, count, offset, flags);
}
ssize_t posix::pwritev2(int fd, iovec const* parts, int count, off_t offset, int flags) {
    if (is_as_without_flags(fd, offset, flags)) return posix::writev(fd, parts, count);
    return is_refused("pwritev2") ? -1 : libc().pwritev2(fd, parts, count, offset, flags);
}
ssize_t posix::copy_file_range(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size,
                               unsigned flags) {
    return is_refused("copy_file_range") ? -1 : libc().copy_file_range(from, from_offset, to, to_offset, size, flags);
}

}  // namespace ramie
