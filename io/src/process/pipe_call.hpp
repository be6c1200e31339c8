// System calls on pipes, in the form that socket_call.hpp has for sockets. (Writing: sigpipe.hpp.)
#pragma once

#include <cstddef>

#include <sys/types.h>
#include <sys/uio.h>

namespace ramie::detail::pipe_call {

// All return the result, or -errno. New descriptors are close-on-exec, and with O_NONBLOCK in `flags` non-blocking.
int make(int (&ends)[2], int flags) noexcept;
int open(char const* path, int access) noexcept;
ssize_t read(int fd, iovec const* into, std::size_t count) noexcept;
int set_capacity(int fd, std::size_t bytes) noexcept;
// 1: a pipe or FIFO; 0: something else.
int is_pipe(int fd) noexcept;

}  // namespace ramie::detail::pipe_call
