// ramie::posix for files: calls that wait for a peer, a lock, or room. All that posix.hpp says holds here too.
//
// "On the pool" means: first tried without waiting, then made on a thread of the runtime's blocking pool, at most
// max_blocking_threads such calls at a time, the others in line. An abort or a deadline interrupts the call there: the
// result is -1 with ECANCELED or ETIMEDOUT, unless the call had ended by then.
//
// Calls that release what others wait for (LOCK_UN, F_UNLCK, F_ULOCK) are never refused to an aborted fiber.
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

// A FIFO waits for its other end, on the pool. Everything else is libc's, in place. Paths are those of the process: a
// directory that one thread has of its own (unshare) does not count.
RAMIE_API int openat(int directory, char const* path, int flags, mode_t mode = 0);
inline int open(char const* path, int flags, mode_t mode = 0) { return posix::openat(AT_FDCWD, path, flags, mode); }
inline int creat(char const* path, mode_t mode) { return posix::open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

// In place: regular files never wait, except for the disk.
RAMIE_API ssize_t pread(int fd, void* into, std::size_t size, off_t offset);
RAMIE_API ssize_t pwrite(int fd, void const* from, std::size_t size, off_t offset);
RAMIE_API ssize_t preadv(int fd, iovec const* parts, int count, off_t offset);
RAMIE_API ssize_t pwritev(int fd, iovec const* parts, int count, off_t offset);
// With an offset of -1 they park like readv and writev, but with RWF_NOWAIT they say EAGAIN.
RAMIE_API ssize_t preadv2(int fd, iovec const* parts, int count, off_t offset, int flags);
RAMIE_API ssize_t pwritev2(int fd, iovec const* parts, int count, off_t offset, int flags);

// To a stream socket or a pipe: parks until there is room, and sends all, or all that the file has. A blocking socket
// gets at a time what surely fits; if others write to it at the same time, the worker may block for a moment. From any
// source but a regular file: on the pool.
RAMIE_API ssize_t sendfile(int to, int from, off_t* offset, std::size_t size);
// Park until both sides are ready. A stream socket as with sendfile(). Other kinds of files beside the pipe (a datagram
// socket, a device): on the pool.
RAMIE_API ssize_t splice(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, unsigned flags);
RAMIE_API ssize_t tee(int from, int to, std::size_t size, unsigned flags);
RAMIE_API ssize_t vmsplice(int pipe, iovec const* parts, std::size_t count, unsigned flags);
// In place, like regular files.
RAMIE_API ssize_t copy_file_range(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size,
                                  unsigned flags);

// On the pool while another process or file has the lock; with LOCK_NB, F_TLOCK, F_TEST and F_SETLK the answer comes at
// once. The lock belongs to the open file (flock, F_OFD_SETLKW) or to the process (lockf, F_SETLKW), never to a fiber:
// the latter does not keep two fibers of one process apart.
RAMIE_API int flock(int fd, int operation);
RAMIE_API int lockf(int fd, int operation, off_t size);
// F_SETLKW and F_OFD_SETLKW. All other commands are libc's.
RAMIE_API int fcntl(int fd, int command, void* argument);
RAMIE_API int fcntl(int fd, int command, int argument = 0);

}  // namespace ramie::posix
