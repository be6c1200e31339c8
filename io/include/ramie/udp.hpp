// UDP in blocking style. The rules of a socket are those of TCP's (tcp.hpp): which runtime it belongs to, which fibers
// and threads may use it, and what an abort, a timeout and close() do.
//
// A datagram comes whole or not at all. If the buffer is too small, the rest is lost, and datagram_size says so. A
// datagram may have 0 bytes. The largest that can be sent has 65507 bytes (IPv4); more is std::errc::message_size.
#pragma once

#include <ramie/datagram.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/unique_fd.hpp>

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace ramie {

struct udp_options {
    bool reuse_address = false;        // several may bind the same multicast port
    bool reuse_port = false;           // share the port with other sockets that say so too; each datagram goes to one
    std::optional<bool> v6_only = {};  // of an IPv6 socket: no IPv4. None: as the system is configured
    int send_buffer = 0;               // bytes; 0: the system's own default
    int receive_buffer = 0;
};

// Move-only; destroying it closes it.
class udp_socket : public detail::descriptor_holder {
  public:
    // Port 0: the system chooses one. Does not wait.
    RAMIE_API static std::expected<udp_socket, std::error_code> bind(endpoint const& at,
                                                                     udp_options const& options = {});
    // Takes over a UDP socket, and makes it non-blocking, for all processes that share it. It is closed on failure.
    RAMIE_API static std::expected<udp_socket, std::error_code> adopt(unique_fd fd);

    // From now on send() goes to `to`, and only datagrams and errors from there are received: if no socket has that
    // port, a later call gets std::errc::connection_refused, once. May be called again. Does not wait.
    RAMIE_API std::expected<void, std::error_code> connect(endpoint const& to);
    // Takes connect() back; the port stays. (std::errc::address_in_use: the system had chosen the port, and another
    // socket took it at that moment.)
    RAMIE_API std::expected<void, std::error_code> disconnect();

    // Sends one datagram, waiting for room if need be. Suspension points. send(): of a connected socket, else
    // std::errc::destination_address_required. Return its size.
    RAMIE_API std::expected<std::size_t, std::error_code> send(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> send(std::string_view from) {
        return send(std::as_bytes(std::span(from)));
    }
    RAMIE_API std::expected<std::size_t, std::error_code> send_to(std::span<std::byte const> from, endpoint const& to);
    std::expected<std::size_t, std::error_code> send_to(std::string_view from, endpoint const& to) {
        return send_to(std::as_bytes(std::span(from)), to);
    }
    // Receives one datagram, waiting for it if need be. Suspension points.
    RAMIE_API std::expected<datagram_size, std::error_code> receive(std::span<std::byte> into);
    std::expected<datagram_size, std::error_code> receive(std::span<char> into) {
        return receive(std::as_writable_bytes(into));
    }
    RAMIE_API std::expected<datagram_from<endpoint>, std::error_code> receive_from(std::span<std::byte> into);
    std::expected<datagram_from<endpoint>, std::error_code> receive_from(std::span<char> into) {
        return receive_from(std::as_writable_bytes(into));
    }

    // Several datagrams in one system call (which takes the first 32 of them). They return how many were sent or have
    // come: at least one, waiting if need be, and 0 if the batch is empty. An error of a later datagram is reported by
    // the next call. Suspension points.
    RAMIE_API std::expected<std::size_t, std::error_code>
    send_batch(std::span<outgoing_datagram<endpoint> const> batch);
    RAMIE_API std::expected<std::size_t, std::error_code> receive_batch(std::span<incoming_datagram<endpoint>> batch);

    // Allows sending to broadcast addresses; at first that is std::errc::permission_denied.
    RAMIE_API std::expected<void, std::error_code> set_broadcast(bool on);
    // How many routers a datagram may pass, 1 to 255; for groups, 0 to 255 (0: not beyond this machine).
    RAMIE_API std::expected<void, std::error_code> set_ttl(int hops);
    RAMIE_API std::expected<void, std::error_code> set_multicast_ttl(int hops);
    // Whether datagrams sent to a group come back to this machine; on at the start.
    RAMIE_API std::expected<void, std::error_code> set_multicast_loop(bool on);
    // The network interface for datagrams to a group, by its index (if_nametoindex); 0: the system chooses.
    RAMIE_API std::expected<void, std::error_code> set_multicast_interface(unsigned index);
    // Datagrams to the group (its port does not matter) are received too, on that interface.
    RAMIE_API std::expected<void, std::error_code> join_group(endpoint const& group, unsigned interface = 0);
    RAMIE_API std::expected<void, std::error_code> leave_group(endpoint const& group, unsigned interface = 0);

    // How many bytes the system buffers; it may take more or less than was asked for (Linux doubles it).
    RAMIE_API std::expected<void, std::error_code> set_send_buffer(std::size_t bytes);
    RAMIE_API std::expected<void, std::error_code> set_receive_buffer(std::size_t bytes);
    RAMIE_API std::expected<std::size_t, std::error_code> send_buffer() const;
    RAMIE_API std::expected<std::size_t, std::error_code> receive_buffer() const;

    RAMIE_API std::expected<endpoint, std::error_code> local_endpoint() const;
    RAMIE_API std::expected<endpoint, std::error_code> peer_endpoint() const;

  private:
    friend detail::access;
    explicit udp_socket(detail::owned_descriptor d) noexcept : descriptor_holder(std::move(d)) {}
};

// Cases of a select (<ramie/select.hpp>), as those of a tcp_stream (tcp.hpp).
// handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(udp_socket& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(udp_socket& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
