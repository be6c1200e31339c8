#include "stream/byte_stream.hpp"

#include "call/sigpipe.hpp"
#include "call/socket_call.hpp"
#include "call/transfer.hpp"
#include "net/new_socket.hpp"
#include "stream/iovec_list.hpp"

#include <ramie/detail/stream/stream_socket.hpp>

namespace ramie::detail {

namespace {

// A stream socket that gave or took less than it was asked for has no more, or no more room, now.
attempt of(long answer, std::size_t asked) noexcept {
    return {answer, answer > 0 && static_cast<std::size_t>(answer) < asked};
}

}  // namespace

std::expected<std::size_t, std::error_code> transfer_nothing(owned_descriptor const& with, char const* what) {
    operation const mine(with, what);
    if (!mine) return std::unexpected(closed_before());
    return 0;
}

std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from, std::span<std::byte> into) {
    if (into.empty()) return transfer_nothing(from, "read");
    return transfer(from, direction::read, "read",
                    [&](int fd) { return of(socket_call::receive(fd, into), into.size()); });
}

std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from,
                                                    std::span<std::span<std::byte> const> into) {
    iovec_list list(into);
    if (list.total() == 0) return transfer_nothing(from, "read");
    return transfer(from, direction::read, "read", [&](int fd) {
        msghdr message{};
        message.msg_iov = list.data();
        message.msg_iovlen = list.count();
        return of(socket_call::receive_message(fd, message, 0), list.total());
    });
}

std::expected<std::size_t, std::error_code> send(owned_descriptor const& to, std::span<std::byte const> from) {
    if (from.empty()) return transfer_nothing(to, "write");
    return transfer(to, direction::write, "write",
                    [&](int fd) { return of(socket_call::send(fd, from), from.size()); });
}

std::expected<std::size_t, std::error_code> send(owned_descriptor const& to,
                                                 std::span<std::span<std::byte const> const> from) {
    iovec_list list(from);
    if (list.total() == 0) return transfer_nothing(to, "write");
    msghdr message{};
    message.msg_iov = list.data();
    message.msg_iovlen = list.count();
    return transfer(to, direction::write, "write",
                    [&](int fd) { return of(socket_call::send_message(fd, message), list.total()); });
}

std::expected<std::size_t, std::error_code> stream_socket::write_some(std::span<std::byte const> from) {
    return send(descriptor_, from);
}

std::expected<std::size_t, std::error_code> stream_socket::write_some(
    std::span<std::span<std::byte const> const> from) {
    return send(descriptor_, from);
}

std::expected<std::size_t, std::error_code> stream_socket::peek(std::span<std::byte> into) {
    if (into.empty()) return transfer_nothing(descriptor_, "peek");
    return transfer(descriptor_, direction::read, "peek",
                    [&](int fd) { return attempt{socket_call::receive(fd, into, MSG_PEEK)}; });
}

std::expected<std::size_t, std::error_code> stream_socket::send_file(int file, std::uint64_t offset,
                                                                     std::size_t count) {
    if (count == 0) return transfer_nothing(descriptor_, "send_file");
    // Less sent than asked for may also mean the end of the file.
    return transfer(descriptor_, direction::write, "send_file",
                    [&](int fd) { return attempt{without_sigpipe::send_file(fd, file, offset, count)}; });
}

std::expected<void, std::error_code> stream_socket::shutdown(shutdown_side side) {
    auto const how = side == shutdown_side::read ? SHUT_RD : side == shutdown_side::write ? SHUT_WR : SHUT_RDWR;
    return with_fd(descriptor_, [&](int fd) { return checked(socket_call::shutdown(fd, how)); });
}

std::expected<void, std::error_code> stream_socket::set_send_buffer(std::size_t bytes) {
    return with_fd(descriptor_, [&](int fd) { return checked(set_buffer(fd, SO_SNDBUF, bytes)); });
}

std::expected<void, std::error_code> stream_socket::set_receive_buffer(std::size_t bytes) {
    return with_fd(descriptor_, [&](int fd) { return checked(set_buffer(fd, SO_RCVBUF, bytes)); });
}

}  // namespace ramie::detail
