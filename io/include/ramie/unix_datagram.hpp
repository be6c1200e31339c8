// Datagrams between processes of one machine: none is lost on the way, none overtakes another. The rules of a socket
// are those of TCP's (tcp.hpp); udp.hpp says what a datagram is.
#pragma once

#include <ramie/datagram.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/unique_fd.hpp>
#include <ramie/unix_endpoint.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// Move-only; destroying it closes it, and leaves its file where it is.
class unix_datagram : public detail::descriptor_holder {
  public:
    // std::errc::address_in_use if the file exists. `replace_stale`: a socket file whose socket is not open in any
    // process any more is removed first (as by unix_listener::bind()). Does not wait.
    RAMIE_API static std::expected<unix_datagram, std::error_code> bind(unix_endpoint const& at,
                                                                        bool replace_stale = false);
    // Without a name: it can send, but the receiver cannot answer.
    RAMIE_API static std::expected<unix_datagram, std::error_code> unbound();
    // Two that are connected to each other.
    RAMIE_API static std::expected<std::pair<unix_datagram, unix_datagram>, std::error_code> pair();
    // Takes over a unix datagram socket, and makes it non-blocking, for all processes that share it. It is closed on
    // failure.
    RAMIE_API static std::expected<unix_datagram, std::error_code> adopt(unique_fd fd);

    // From now on send() goes to `to`. May be called again. Does not wait.
    RAMIE_API std::expected<void, std::error_code> connect(unix_endpoint const& to);

    // Sends one datagram, waiting while the receiver's queue is full (send_to() looks again every 1 to 50 ms, because
    // the system does not report room there). std::errc::connection_refused: the receiver has gone. Suspension points.
    RAMIE_API std::expected<std::size_t, std::error_code> send(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> send(std::string_view from) {
        return send(std::as_bytes(std::span(from)));
    }
    RAMIE_API std::expected<std::size_t, std::error_code> send_to(std::span<std::byte const> from,
                                                                  unix_endpoint const& to);
    std::expected<std::size_t, std::error_code> send_to(std::string_view from, unix_endpoint const& to) {
        return send_to(std::as_bytes(std::span(from)), to);
    }
    // Receives one datagram, waiting for it if need be. Suspension points.
    RAMIE_API std::expected<datagram_size, std::error_code> receive(std::span<std::byte> into);
    std::expected<datagram_size, std::error_code> receive(std::span<char> into) {
        return receive(std::as_writable_bytes(into));
    }
    RAMIE_API std::expected<datagram_from<unix_endpoint>, std::error_code> receive_from(std::span<std::byte> into);
    std::expected<datagram_from<unix_endpoint>, std::error_code> receive_from(std::span<char> into) {
        return receive_from(std::as_writable_bytes(into));
    }

    // How many bytes the system buffers for sending (Linux doubles it).
    RAMIE_API std::expected<void, std::error_code> set_send_buffer(std::size_t bytes);

    RAMIE_API std::expected<unix_endpoint, std::error_code> local_endpoint() const;
    RAMIE_API std::expected<unix_endpoint, std::error_code> peer_endpoint() const;

  private:
    friend detail::access;
    explicit unix_datagram(detail::owned_descriptor d) noexcept : descriptor_holder(std::move(d)) {}
};

// Cases of a select (<ramie/select.hpp>), as those of a tcp_stream (tcp.hpp).
// handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(unix_datagram& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(unix_datagram& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
