// ramie::posix for files: what waits for a peer, a lock, or room. All that posix.hpp says holds here too.
//
// "On the pool" means: first tried without waiting; then on a thread of the runtime's blocking pool, at most
// max_blocking_threads such calls at a time, in line beyond that. An abort or a deadline interrupts it there: the
// result is -1 with ECANCELED or ETIMEDOUT, unless the call had come to its end by then.
//
// Calls that give back what others wait for (LOCK_UN, F_UNLCK, F_ULOCK) are never refused to an aborted fiber.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ramie::posix {

// A FIFO waits for its other end, on the pool. Everything else is libc's, in place. Paths are the process's: a thread
// that has left its directory (unshare) is not followed.
int openat(int directory, char const* path, int flags, mode_t mode = 0);
inline int open(char const* path, int flags, mode_t mode = 0) { return posix::openat(AT_FDCWD, path, flags, mode); }
inline int creat(char const* path, mode_t mode) { return posix::open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

// In place: regular files never wait, except for the disk.
ssize_t pread(int fd, void* into, std::size_t size, off_t offset);
ssize_t pwrite(int fd, void const* from, std::size_t size, off_t offset);
ssize_t preadv(int fd, iovec const* parts, int count, off_t offset);
ssize_t pwritev(int fd, iovec const* parts, int count, off_t offset);
// With an offset of -1 they park as readv and writev do, but with RWF_NOWAIT say EAGAIN.
ssize_t preadv2(int fd, iovec const* parts, int count, off_t offset, int flags);
ssize_t pwritev2(int fd, iovec const* parts, int count, off_t offset, int flags);

// To a stream socket or a pipe: parks until there is room, and sends all, or what the file has. To a blocking socket
// it sends at a time what surely fits, so if others write to it at the same time the worker may block for a moment.
// From anything but a regular file: on the pool.
ssize_t sendfile(int to, int from, off_t* offset, std::size_t size);
// Park until both sides are ready. A stream socket as with sendfile(); with other kinds of files beside the pipe (a
// datagram socket, a device): on the pool.
ssize_t splice(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, unsigned flags);
ssize_t tee(int from, int to, std::size_t size, unsigned flags);
ssize_t vmsplice(int pipe, iovec const* parts, std::size_t count, unsigned flags);
// In place, as regular files are.
ssize_t copy_file_range(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, unsigned flags);

// On the pool while somebody else has the lock; with LOCK_NB, F_TLOCK, F_TEST and F_SETLK they say so at once. The lock
// is the open file's (flock, F_OFD_SETLKW) or the process's (lockf, F_SETLKW), never a fiber's: two fibers of one
// process do not keep each other out by the latter.
int flock(int fd, int operation);
int lockf(int fd, int operation, off_t size);
// F_SETLKW and F_OFD_SETLKW. All other commands are libc's.
int fcntl(int fd, int command, void* argument);
int fcntl(int fd, int command, int argument = 0);

}  // namespace ramie::posix
