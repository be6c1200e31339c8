// System calls on sockets that return their error instead of leaving it in errno.
//
// A compiler takes errno's address once per function, but a function that waits may resume on another thread; then it
// would read the wrong thread's errno. These functions do not wait and are opaque, so they read the right one.
#pragma once

#include <ramie/detail/ready/direction.hpp>

#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/types.h>

namespace ramie::detail::socket_call {

// All return the result, or -errno. EINTR is not passed on, except by connect(). New descriptors are non-blocking and
// close-on-exec.
int open(int family, int type) noexcept;
int pair(int family, int type, int (&ends)[2]) noexcept;
int accept(int listener) noexcept;
int connect(int fd, sockaddr const* to, socklen_t size) noexcept;
ssize_t receive(int fd, std::span<std::byte> into, int flags = 0) noexcept;
ssize_t receive_message(int fd, msghdr& into, int flags) noexcept;  // descriptors that come are close-on-exec
int receive_messages(int fd, std::span<mmsghdr> into, int flags) noexcept;
// Never raises SIGPIPE.
ssize_t send(int fd, std::span<std::byte const> from) noexcept;
ssize_t send_message(int fd, msghdr const& from) noexcept;
int send_messages(int fd, std::span<mmsghdr> from) noexcept;
int bind(int fd, sockaddr const* to, socklen_t size) noexcept;
int listen(int fd, int backlog) noexcept;
int shutdown(int fd, int how) noexcept;
// 1: a read or write would not say EAGAIN. Does not wait.
int is_ready(int fd, direction towards) noexcept;
int set_option(int fd, int level, int option, void const* value, socklen_t size) noexcept;
template <class Value>
int set_option(int fd, int level, int option, Value const& value) noexcept {
    return set_option(fd, level, option, &value, sizeof value);
}
inline int set_option(int fd, int level, int option, bool on) noexcept {
    return set_option(fd, level, option, static_cast<int>(on));
}
int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept;
template <class Value>
int get_option(int fd, int level, int option, Value& value) noexcept {
    socklen_t size = sizeof value;
    return get_option(fd, level, option, &value, &size);
}
int make_non_blocking(int fd) noexcept;  // and close-on-exec
int local_name(int fd, sockaddr* name, socklen_t* size) noexcept;
int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept;

}  // namespace ramie::detail::socket_call
