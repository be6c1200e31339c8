#include <ramie/unix_datagram.hpp>

#include "call/transfer.hpp"
#include "net/datagram.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"
#include "unix/unix_binding.hpp"

#include <ramie/detail/task/after.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace ramie {

using namespace detail;

std::expected<unix_datagram, std::error_code> unix_datagram::bind(unix_endpoint const& at, bool replace_stale) {
    auto& watch = interest_set::current("unix_datagram::bind");
    new_socket made(AF_UNIX, SOCK_DGRAM);
    {
        unix_binding binding(made, at, SOCK_DGRAM);
        replace_stale ? binding.bind_or_replace_stale() : binding.bind();
    }
    return owner_of<unix_datagram>(made.watched_by(watch));
}

std::expected<unix_datagram, std::error_code> unix_datagram::unbound() {
    auto& watch = interest_set::current("unix_datagram::unbound");
    return owner_of<unix_datagram>(new_socket(AF_UNIX, SOCK_DGRAM).watched_by(watch));
}

std::expected<std::pair<unix_datagram, unix_datagram>, std::error_code> unix_datagram::pair() {
    auto& watch = interest_set::current("unix_datagram::pair");
    auto ends = watched_pair(SOCK_DGRAM, watch);
    if (!ends) return std::unexpected(ends.error());
    return std::pair(unix_datagram(std::move(ends->first)), unix_datagram(std::move(ends->second)));
}

std::expected<unix_datagram, std::error_code> unix_datagram::adopt(unique_fd fd) {
    auto& watch = interest_set::current("unix_datagram::adopt");
    return owner_of<unix_datagram>(adopt_socket(std::move(fd), {AF_UNIX, AF_UNIX, SOCK_DGRAM}, watch));
}

std::expected<void, std::error_code> unix_datagram::connect(unix_endpoint const& to) {
    return with_fd(descriptor_, [&](int fd) { return checked(socket_call::connect(fd, to.data(), to.size())); });
}

std::expected<std::size_t, std::error_code> unix_datagram::send(std::span<std::byte const> from) {
    return send_datagram(descriptor_, from, nullptr, 0);
}

std::expected<std::size_t, std::error_code> unix_datagram::send_to(std::span<std::byte const> from,
                                                                   unix_endpoint const& to) {
    using namespace std::chrono_literals;
    operation const mine(descriptor_, "send");
    if (!mine) return std::unexpected(closed_before());
    iovec data{const_cast<std::byte*>(from.data()), from.size()};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to.data());
    message.msg_namelen = to.size();
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    // New room at the receiver is an edge of its socket, not of ours; new room here is an edge of ours.
    auto look_again = never;
    for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
        auto const noted = mine.wait_ready(direction::write, look_again);
        if (!noted) return std::unexpected(noted.error());
        auto const answer = socket_call::send_message(mine.fd(), message);
        if (answer >= 0) return static_cast<std::size_t>(answer);
        if (answer != -EAGAIN) return std::unexpected(error_of(answer));
        mine.found_empty(direction::write, *noted);
        look_again = after(pause);
        // The failed attempt makes an edge of its own, since it takes room for the datagram and gives it back. To
        // follow that edge would be to spin.
        auto const its_own = mine.wait_ready(direction::write, look_again);
        if (!its_own) return std::unexpected(its_own.error());
        mine.found_empty(direction::write, *its_own);
    }
}

std::expected<datagram_size, std::error_code> unix_datagram::receive(std::span<std::byte> into) {
    return receive_datagram(descriptor_, into, nullptr);
}

std::expected<datagram_from<unix_endpoint>, std::error_code> unix_datagram::receive_from(std::span<std::byte> into) {
    return receive_datagram_from<unix_endpoint>(descriptor_, into);
}

std::expected<void, std::error_code> unix_datagram::set_send_buffer(std::size_t bytes) {
    return with_fd(descriptor_, [&](int fd) { return checked(set_buffer(fd, SO_SNDBUF, bytes)); });
}

std::expected<unix_endpoint, std::error_code> unix_datagram::local_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name<unix_endpoint>(fd, socket_call::local_name); });
}

std::expected<unix_endpoint, std::error_code> unix_datagram::peer_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name<unix_endpoint>(fd, socket_call::peer_name); });
}

}  // namespace ramie
