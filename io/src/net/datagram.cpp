#include "net/datagram.hpp"

#include "call/socket_call.hpp"
#include "call/transfer.hpp"

#include <algorithm>

namespace ramie::detail {

std::expected<std::size_t, std::error_code> send_datagram(owned_descriptor const& by, std::span<std::byte const> from,
                                                          sockaddr const* to, socklen_t to_size) {
    iovec data{const_cast<std::byte*>(from.data()), from.size()};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to);
    message.msg_namelen = to_size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    return transfer(by, direction::write, "send",
                    [&](int fd) { return attempt{socket_call::send_message(fd, message)}; });
}

std::expected<datagram_size, std::error_code> receive_datagram(owned_descriptor const& by, std::span<std::byte> into,
                                                               sender_name* from) {
    iovec data{into.data(), into.size()};
    auto const full = transfer(by, direction::read, "receive", [&](int fd) {
        msghdr message{};
        if (from != nullptr) {
            message.msg_name = &from->name;
            message.msg_namelen = sizeof from->name;
        }
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        auto const answer = socket_call::receive_message(fd, message, MSG_TRUNC);  // which answers the full size
        if (from != nullptr) from->size = message.msg_namelen;
        return attempt{answer};
    });
    if (!full) return std::unexpected(full.error());
    return datagram_size{std::min(*full, into.size()), *full};
}

}  // namespace ramie::detail
