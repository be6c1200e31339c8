// System calls on sockets that answer with what went wrong instead of leaving it in errno.
//
// A compiler takes errno's address once per function, and a function that waits may go on in another thread: there
// errno would be the wrong thread's. These functions do not wait and are opaque, so that theirs is right.
#pragma once

#include <ramie/detail/direction.hpp>

#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/types.h>

namespace ramie::detail::socket_call {

// All: the result, or -errno. EINTR is not passed on, except by connect(). New descriptors are non-blocking and
// close-on-exec.
int open(int family) noexcept;
int accept(int listener) noexcept;
int connect(int fd, sockaddr const* to, socklen_t size) noexcept;
ssize_t receive(int fd, std::span<std::byte> into) noexcept;
ssize_t send(int fd, std::span<std::byte const> from) noexcept;  // never a SIGPIPE
int bind(int fd, sockaddr const* to, socklen_t size) noexcept;
int listen(int fd, int backlog) noexcept;
int shutdown(int fd, int how) noexcept;
// 1: a read or write would not say EAGAIN. Does not wait.
int is_ready(int fd, direction towards) noexcept;
int set_option(int fd, int level, int option, int value) noexcept;
int local_name(int fd, sockaddr* name, socklen_t* size) noexcept;
int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept;

}  // namespace ramie::detail::socket_call
