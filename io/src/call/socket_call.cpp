#include "call/socket_call.hpp"

#include "call/answer.hpp"
#include "call/simulated_call.hpp"
#include "call/stream_call.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <fcntl.h>
#include <poll.h>

namespace ramie::detail::socket_call {

using simulated_call::is_for;

RAMIE_NOIPA int open(int family, int type) noexcept {
    if (simulated_call::is_on()) [[unlikely]] return simulated_call::open(family, type);
    return answer_of([&] { return above_standard(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); });
}

RAMIE_NOIPA int pair(int family, int type, int (&ends)[2]) noexcept {
    return answer_of([&] { return above_standard(::socketpair(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ends); });
}

RAMIE_NOIPA int accept(int listener) noexcept {
    if (is_for(listener)) [[unlikely]] return simulated_call::accept(listener);
    return answer_of([&] { return above_standard(libc().accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); });
}

RAMIE_NOIPA int connect(int fd, sockaddr const* to, socklen_t size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::connect(fd, to, size);
    return libc().connect(fd, to, size) == 0 ? 0 : -errno;
}

ssize_t receive(int fd, std::span<std::byte> into, int flags) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::receive(fd, into, flags);
    return stream_call::receive(fd, into.data(), into.size(), flags);
}

RAMIE_NOIPA ssize_t receive_message(int fd, msghdr& into, int flags) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::receive_message(fd, into, flags);
    return answer_of([&] { return libc().recvmsg(fd, &into, flags | MSG_CMSG_CLOEXEC); });
}

RAMIE_NOIPA int receive_messages(int fd, std::span<mmsghdr> into, int flags) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::receive_messages(fd, into, flags);
    return answer_of([&] { return libc().recvmmsg(fd, into.data(), static_cast<unsigned>(into.size()), flags, nullptr); });
}

ssize_t send(int fd, std::span<std::byte const> from) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::send(fd, from);
    return stream_call::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
}

RAMIE_NOIPA ssize_t send_message(int fd, msghdr const& from) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::send_message(fd, from);
    return answer_of([&] { return libc().sendmsg(fd, &from, MSG_NOSIGNAL); });
}

RAMIE_NOIPA int send_messages(int fd, std::span<mmsghdr> from) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::send_messages(fd, from);
    return answer_of([&] { return libc().sendmmsg(fd, from.data(), static_cast<unsigned>(from.size()), MSG_NOSIGNAL); });
}

RAMIE_NOIPA int bind(int fd, sockaddr const* to, socklen_t size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::bind(fd, to, size);
    return answer_of([&] { return ::bind(fd, to, size); });
}

RAMIE_NOIPA int listen(int fd, int backlog) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::listen(fd, backlog);
    return answer_of([&] { return ::listen(fd, backlog); });
}

RAMIE_NOIPA int shutdown(int fd, int how) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::shutdown(fd, how);
    return answer_of([&] { return ::shutdown(fd, how); });
}

RAMIE_NOIPA int is_ready(int fd, direction towards) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::is_ready(fd, towards);
    pollfd asked{fd, static_cast<short>(towards == direction::read ? POLLIN | POLLRDHUP : POLLOUT), 0};
    return answer_of([&] { return libc().poll(&asked, 1, 0); });
}

RAMIE_NOIPA int set_option(int fd, int level, int option, void const* value, socklen_t size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::set_option(fd, level, option, value, size);
    return answer_of([&] { return ::setsockopt(fd, level, option, value, size); });
}

RAMIE_NOIPA int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::get_option(fd, level, option, value, size);
    return answer_of([&] { return ::getsockopt(fd, level, option, value, size); });
}

RAMIE_NOIPA int make_non_blocking(int fd) noexcept {
    if (is_for(fd)) [[unlikely]] return 0;  // it never was
    auto const flags = answer_of([&] { return ::fcntl(fd, F_GETFL); });
    if (flags < 0) return flags;
    if ((flags & O_NONBLOCK) == 0) {
        auto const done = answer_of([&] { return ::fcntl(fd, F_SETFL, flags | O_NONBLOCK); });
        if (done < 0) return done;
    }
    return answer_of([&] { return ::fcntl(fd, F_SETFD, FD_CLOEXEC); });
}

RAMIE_NOIPA int local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::local_name(fd, name, size);
    return answer_of([&] { return ::getsockname(fd, name, size); });
}

RAMIE_NOIPA int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    if (is_for(fd)) [[unlikely]] return simulated_call::peer_name(fd, name, size);
    return answer_of([&] { return ::getpeername(fd, name, size); });
}

}  // namespace ramie::detail::socket_call
