// Sending and receiving datagrams over any socket.
//
// A read that fills less than its buffer says nothing about the next datagram, so only EAGAIN says that there is none:
// there is no short-read rule here.
#pragma once

#include <ramie/datagram.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <system_error>

#include <sys/socket.h>

namespace ramie::detail {

// Where a received datagram came from, in the system's form.
struct sender_name {
    sockaddr_storage name;
    socklen_t size = 0;
    sockaddr const* data() const noexcept { return reinterpret_cast<sockaddr const*>(&name); }
};

// Suspension points. `to`: null for a connected socket.
std::expected<std::size_t, std::error_code> send_datagram(owned_descriptor const& by, std::span<std::byte const> from,
                                                          sockaddr const* to, socklen_t to_size);
// `from` may be null.
std::expected<datagram_size, std::error_code> receive_datagram(owned_descriptor const& by, std::span<std::byte> into,
                                                               sender_name* from);

template <class Endpoint>
std::expected<datagram_from<Endpoint>, std::error_code> receive_datagram_from(owned_descriptor const& by,
                                                                              std::span<std::byte> into) {
    sender_name name;
    auto const size = receive_datagram(by, into, &name);
    if (!size) return std::unexpected(size.error());
    auto const from = Endpoint::from(name.data(), name.size);
    if (!from) return std::unexpected(from.error());
    return datagram_from<Endpoint>{*size, *from};
}

}  // namespace ramie::detail
