#include <ramie/udp.hpp>

#include "call/transfer.hpp"
#include "net/datagram.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"

namespace ramie {

using namespace detail;

std::expected<udp_socket, std::error_code> udp_socket::bind(endpoint const& at, udp_options const& options) {
    auto& watch = interest_set::current("udp_socket::bind");
    new_socket made(at.family(), SOCK_DGRAM);
    made.option(SOL_SOCKET, SO_REUSEADDR, options.reuse_address);
    made.option(SOL_SOCKET, SO_REUSEPORT, options.reuse_port);
    if (options.v6_only && at.is_v6()) made.option(IPPROTO_IPV6, IPV6_V6ONLY, *options.v6_only);
    made.buffer(SO_SNDBUF, options.send_buffer);
    made.buffer(SO_RCVBUF, options.receive_buffer);
    made.bind(at.data(), at.size());
    return owner_of<udp_socket>(made.watched_by(watch));
}

std::expected<udp_socket, std::error_code> udp_socket::adopt(unique_fd fd) {
    auto& watch = interest_set::current("udp_socket::adopt");
    return owner_of<udp_socket>(adopt_socket(std::move(fd), {AF_INET, AF_INET6, SOCK_DGRAM}, watch));
}

std::expected<void, std::error_code> udp_socket::connect(endpoint const& to) {
    return with_fd(descriptor_, [&](int fd) { return checked(socket_call::connect(fd, to.data(), to.size())); });
}

std::expected<void, std::error_code> udp_socket::disconnect() {
    return with_fd(descriptor_, [](int fd) -> std::expected<void, std::error_code> {
        auto const before = socket_name(fd, socket_call::local_name);
        if (!before) return std::unexpected(before.error());
        sockaddr const nowhere{AF_UNSPEC, {}};
        if (auto const answer = socket_call::connect(fd, &nowhere, sizeof nowhere); answer < 0) return checked(answer);
        // Linux also takes away a port that it had chosen itself.
        auto const after = socket_name(fd, socket_call::local_name);
        if (!after || after->port() == before->port()) return {};
        auto const again = after->with_port(before->port());
        return checked(socket_call::bind(fd, again.data(), again.size()));
    });
}

std::expected<std::size_t, std::error_code> udp_socket::send(std::span<std::byte const> from) {
    return send_datagram(descriptor_, from, nullptr, 0);
}

std::expected<std::size_t, std::error_code> udp_socket::send_to(std::span<std::byte const> from, endpoint const& to) {
    return send_datagram(descriptor_, from, to.data(), to.size());
}

std::expected<datagram_size, std::error_code> udp_socket::receive(std::span<std::byte> into) {
    return receive_datagram(descriptor_, into, nullptr);
}

std::expected<datagram_from<endpoint>, std::error_code> udp_socket::receive_from(std::span<std::byte> into) {
    return receive_datagram_from<endpoint>(descriptor_, into);
}

std::expected<void, std::error_code> udp_socket::set_send_buffer(std::size_t bytes) {
    return with_fd(descriptor_, [&](int fd) { return checked(set_buffer(fd, SO_SNDBUF, bytes)); });
}

std::expected<void, std::error_code> udp_socket::set_receive_buffer(std::size_t bytes) {
    return with_fd(descriptor_, [&](int fd) { return checked(set_buffer(fd, SO_RCVBUF, bytes)); });
}

std::expected<std::size_t, std::error_code> udp_socket::send_buffer() const {
    return with_fd(descriptor_, [](int fd) { return buffer_size(fd, SO_SNDBUF); });
}

std::expected<std::size_t, std::error_code> udp_socket::receive_buffer() const {
    return with_fd(descriptor_, [](int fd) { return buffer_size(fd, SO_RCVBUF); });
}

std::expected<endpoint, std::error_code> udp_socket::local_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::local_name); });
}

std::expected<endpoint, std::error_code> udp_socket::peer_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::peer_name); });
}

}  // namespace ramie
