// File calls that may wait for a peer, a lock, or room. The 64-bit forms are the same where off_t has 64 bits.
#include "hooked.hpp"

#include <cstdarg>

using ramie::hook::for_fiber;
using ramie::hook::real;

static_assert(sizeof(off_t) == sizeof(off64_t));

// The last argument of open(), which is there only if a file may be made; or of fcntl(), which may be there or not.
#define RAMIE_LAST_ARGUMENT(type, after, into)                                                                         \
    va_list rest;                                                                                                      \
    va_start(rest, after);                                                                                             \
    type const into = va_arg(rest, type);                                                                              \
    va_end(rest)

namespace {
bool has_mode(int flags) noexcept {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}
int open_at(int directory, char const* path, int flags, mode_t mode) {
    if (auto const* const fiber = for_fiber()) return fiber->openat(directory, path, flags, mode);
    return real().libc.openat(directory, path, flags, mode);
}
int control(int fd, int command, void* argument) {
    // Other commands never wait, and are called often.
    bool const locks =
        command == F_SETLKW || command == F_OFD_SETLKW || command == F_SETLK || command == F_OFD_SETLK;
    if (!locks) return real().libc.fcntl(fd, command, argument);
    if (auto const* const fiber = for_fiber()) return fiber->fcntl(fd, command, argument);
    return real().libc.fcntl(fd, command, argument);
}
}  // namespace

#define RAMIE_OPEN(name, directory, ...)                                                                               \
    RAMIE_EXPORTED int name(__VA_ARGS__ char const* path, int flags, ...) {                                            \
        mode_t mode = 0;                                                                                               \
        if (has_mode(flags)) {                                                                                         \
            RAMIE_LAST_ARGUMENT(mode_t, flags, given);                                                                 \
            mode = given;                                                                                              \
        }                                                                                                              \
        return open_at(directory, path, flags, mode);                                                                  \
    }
#define RAMIE_AT int at,
RAMIE_OPEN(open, AT_FDCWD)
RAMIE_OPEN(open64, AT_FDCWD)
RAMIE_OPEN(__open, AT_FDCWD)
RAMIE_OPEN(__open64, AT_FDCWD)
RAMIE_OPEN(openat, at, RAMIE_AT)
RAMIE_OPEN(openat64, at, RAMIE_AT)
RAMIE_EXPORTED int creat(char const* path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
RAMIE_EXPORTED int creat64(char const* path, mode_t mode) { return creat(path, mode); }
// Fortified forms without a mode.
RAMIE_EXPORTED int __open_2(char const* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
RAMIE_EXPORTED int __open64_2(char const* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
RAMIE_EXPORTED int __openat_2(int at, char const* path, int flags) { return open_at(at, path, flags, 0); }
RAMIE_EXPORTED int __openat64_2(int at, char const* path, int flags) { return open_at(at, path, flags, 0); }

#define RAMIE_CONTROL(name)                                                                                            \
    RAMIE_EXPORTED int name(int fd, int command, ...) {                                                                \
        RAMIE_LAST_ARGUMENT(void*, command, argument);                                                                 \
        return control(fd, command, argument);                                                                         \
    }
RAMIE_CONTROL(fcntl)
RAMIE_CONTROL(fcntl64)
RAMIE_CONTROL(__fcntl)

RAMIE_HOOKED_NOEXCEPT(int, flock, (int fd, int operation), (fd, operation))
RAMIE_HOOKED_CALL(int, lockf, (int fd, int operation, off_t size), (fd, operation, size))
RAMIE_EXPORTED int lockf64(int fd, int operation, off64_t size) { return lockf(fd, operation, size); }

RAMIE_HOOKED_CALL(ssize_t, pread, (int fd, void* into, size_t size, off_t offset), (fd, into, size, offset))
RAMIE_HOOKED_CALL(ssize_t, pwrite, (int fd, void const* from, size_t size, off_t offset), (fd, from, size, offset))
RAMIE_HOOKED_CALL(ssize_t, preadv, (int fd, iovec const* parts, int count, off_t offset), (fd, parts, count, offset))
RAMIE_HOOKED_CALL(ssize_t, pwritev, (int fd, iovec const* parts, int count, off_t offset), (fd, parts, count, offset))
RAMIE_HOOKED_CALL(ssize_t, preadv2, (int fd, iovec const* parts, int count, off_t offset, int flags),
                  (fd, parts, count, offset, flags))
RAMIE_HOOKED_CALL(ssize_t, pwritev2, (int fd, iovec const* parts, int count, off_t offset, int flags),
                  (fd, parts, count, offset, flags))
RAMIE_EXPORTED ssize_t pread64(int fd, void* into, size_t size, off64_t offset) {
    return pread(fd, into, size, offset);
}
RAMIE_EXPORTED ssize_t __pread64(int fd, void* into, size_t size, off64_t offset) {
    return pread(fd, into, size, offset);
}
RAMIE_EXPORTED ssize_t pwrite64(int fd, void const* from, size_t size, off64_t offset) {
    return pwrite(fd, from, size, offset);
}
RAMIE_EXPORTED ssize_t __pwrite64(int fd, void const* from, size_t size, off64_t offset) {
    return pwrite(fd, from, size, offset);
}
RAMIE_EXPORTED ssize_t preadv64(int fd, iovec const* parts, int count, off64_t offset) {
    return preadv(fd, parts, count, offset);
}
RAMIE_EXPORTED ssize_t pwritev64(int fd, iovec const* parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}
RAMIE_EXPORTED ssize_t preadv64v2(int fd, iovec const* parts, int count, off64_t offset, int flags) {
    return preadv2(fd, parts, count, offset, flags);
}
RAMIE_EXPORTED ssize_t pwritev64v2(int fd, iovec const* parts, int count, off64_t offset, int flags) {
    return pwritev2(fd, parts, count, offset, flags);
}

RAMIE_HOOKED_NOEXCEPT(ssize_t, sendfile, (int to, int from, off_t* offset, size_t size), (to, from, offset, size))
RAMIE_EXPORTED ssize_t sendfile64(int to, int from, off64_t* offset, size_t size) noexcept {
    return sendfile(to, from, offset, size);
}
RAMIE_HOOKED_CALL(ssize_t, splice, (int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags),
                  (from, from_at, to, to_at, size, flags))
RAMIE_HOOKED_CALL(ssize_t, tee, (int from, int to, size_t size, unsigned flags), (from, to, size, flags))
RAMIE_HOOKED_CALL(ssize_t, vmsplice, (int pipe, iovec const* parts, size_t count, unsigned flags),
                  (pipe, parts, count, flags))
RAMIE_HOOKED_CALL(ssize_t, copy_file_range,
                  (int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags),
                  (from, from_at, to, to_at, size, flags))
