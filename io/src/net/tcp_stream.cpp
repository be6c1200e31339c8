#include <ramie/tcp.hpp>

#include "call/transfer.hpp"
#include "net/connect_race.hpp"
#include "net/name_questions.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"
#include "stream/byte_stream.hpp"

#include <ramie/resolve.hpp>

#include <netinet/tcp.h>

namespace ramie {

using namespace detail;

std::expected<tcp_stream, std::error_code> tcp_stream::connect(endpoint const& to, connect_options const& options) {
    auto& watch = interest_set::current("tcp_stream::connect");
    return owner_of<tcp_stream>(connect_race({&to, 1}, options, watch));
}

std::expected<tcp_stream, std::error_code> tcp_stream::connect(std::string_view host, std::uint16_t port,
                                                               connect_options const& options) {
    using namespace std::chrono_literals;
    auto& watch = interest_set::current("tcp_stream::connect");
    if (options.stagger < 10ms || options.stagger > 10s)
        return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    if (waiter::self().is_fiber() && is_name(host)) {
        name_questions names(std::string(host), port, options.local ? options.local->family() : AF_UNSPEC,
                             options.stagger);
        return owner_of<tcp_stream>(connect_race(names, options, watch));
    }
    auto addresses = resolve(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    if (options.local) {
        std::erase_if(*addresses, [&](endpoint const& e) { return e.family() != options.local->family(); });
        if (addresses->empty()) return std::unexpected(std::make_error_code(std::errc::address_family_not_supported));
    }
    return owner_of<tcp_stream>(connect_race(interleaved(*addresses), options, watch));
}

std::expected<tcp_stream, std::error_code> tcp_stream::adopt(unique_fd fd) {
    auto& watch = interest_set::current("tcp_stream::adopt");
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (auto const answer = socket_call::peer_name(fd.get(), reinterpret_cast<sockaddr*>(&peer), &size); answer < 0)
        return std::unexpected(error_of(answer));
    return owner_of<tcp_stream>(adopt_socket(std::move(fd), {AF_INET, AF_INET6, SOCK_STREAM}, watch));
}

std::expected<std::size_t, std::error_code> tcp_stream::read_some(std::span<std::byte> into) {
    return receive(descriptor_, into);
}

std::expected<std::size_t, std::error_code> tcp_stream::read_some(std::span<std::span<std::byte> const> into) {
    return receive(descriptor_, into);
}

std::expected<void, std::error_code> tcp_stream::set_nodelay(bool on) {
    return with_fd(descriptor_,
                   [&](int fd) { return checked(socket_call::set_option(fd, IPPROTO_TCP, TCP_NODELAY, on)); });
}

std::expected<void, std::error_code> tcp_stream::set_keepalive(bool on, std::chrono::seconds idle) {
    return with_fd(descriptor_, [&](int fd) {
        auto answer = socket_call::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on);
        if (answer == 0 && idle.count() > 0)
            answer = socket_call::set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle.count()));
        return checked(answer);
    });
}

std::expected<void, std::error_code> tcp_stream::set_reset_on_close(bool on) {
    linger const at_once{on, 0};
    return with_fd(descriptor_,
                   [&](int fd) { return checked(socket_call::set_option(fd, SOL_SOCKET, SO_LINGER, at_once)); });
}

std::expected<endpoint, std::error_code> tcp_stream::local_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::local_name); });
}

std::expected<endpoint, std::error_code> tcp_stream::peer_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::peer_name); });
}

}  // namespace ramie
