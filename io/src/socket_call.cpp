#include "socket_call.hpp"

#include "posix/libc_calls.hpp"

#include <ramie/detail/config.hpp>

#include <cerrno>

#include <poll.h>

namespace ramie::detail::socket_call {

namespace {

template <class Call>
auto answer(Call&& call) noexcept -> decltype(call()) {
    for (;;) {
        auto const result = call();
        if (result >= 0) return result;
        if (errno != EINTR) return -errno;
    }
}

}  // namespace

RAMIE_NOIPA int open(int family) noexcept {
    return answer([&] { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
}

RAMIE_NOIPA int accept(int listener) noexcept {
    return answer([&] { return libc().accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
}

RAMIE_NOIPA int connect(int fd, sockaddr const* to, socklen_t size) noexcept {
    return libc().connect(fd, to, size) == 0 ? 0 : -errno;
}

RAMIE_NOIPA ssize_t receive(int fd, std::span<std::byte> into) noexcept {
    return answer([&] { return libc().recv(fd, into.data(), into.size(), 0); });
}

RAMIE_NOIPA ssize_t send(int fd, std::span<std::byte const> from) noexcept {
    return answer([&] { return libc().send(fd, from.data(), from.size(), MSG_NOSIGNAL); });
}

RAMIE_NOIPA int bind(int fd, sockaddr const* to, socklen_t size) noexcept {
    return answer([&] { return ::bind(fd, to, size); });
}

RAMIE_NOIPA int listen(int fd, int backlog) noexcept {
    return answer([&] { return ::listen(fd, backlog); });
}

RAMIE_NOIPA int shutdown(int fd, int how) noexcept {
    return answer([&] { return ::shutdown(fd, how); });
}

RAMIE_NOIPA int is_ready(int fd, direction towards) noexcept {
    pollfd asked{fd, static_cast<short>(towards == direction::read ? POLLIN | POLLRDHUP : POLLOUT), 0};
    return answer([&] { return libc().poll(&asked, 1, 0); });
}

RAMIE_NOIPA int set_option(int fd, int level, int option, int value) noexcept {
    return answer([&] { return ::setsockopt(fd, level, option, &value, sizeof value); });
}

RAMIE_NOIPA int local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    return answer([&] { return ::getsockname(fd, name, size); });
}

RAMIE_NOIPA int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    return answer([&] { return ::getpeername(fd, name, size); });
}

}  // namespace ramie::detail::socket_call
