// TCP in blocking style: a call returns when it is done; meanwhile other fibers run on its thread.
//
// A socket belongs to the runtime in which it was made (outside a runtime, making it throws no_runtime). It may be used
// from any fiber or plain thread, also of other runtimes, as long as its runtime lives. Every call may be made while
// others are made on the same socket: one reader and one writer at once is the rule, several of each are possible. Only
// moving and destroying a socket is for one fiber or thread at a time.
//
// Reading, writing, accepting and connecting are suspension points: an abort or a timeout throws out of the wait and
// leaves the socket usable. If another fiber calls close(), calls under way return operation_canceled at once, and
// later calls bad_file_descriptor.
#pragma once

#include <ramie/byte_stream.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/stream/stream_socket.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/io_error.hpp>
#include <ramie/tcp_options.hpp>
#include <ramie/unique_fd.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// One connection. Move-only; destroying it closes it. Reads and writes as byte_stream.hpp says; shutdown, peek,
// send_file and close are in detail/stream/stream_socket.hpp and detail/ready/descriptor_holder.hpp; split() is in
// stream_halves.hpp. Small messages go out at once (TCP_NODELAY is on).
class tcp_stream : public detail::stream_socket, public byte_source<tcp_stream> {
  public:
    // Connects. Suspension point.
    RAMIE_API static std::expected<tcp_stream, std::error_code> connect(endpoint const& to,
                                                                        connect_options const& options = {});
    // Resolves the host and tries its addresses until one answers (RFC 8305): the two families in turn, the next
    // address when one fails or has not answered for options.stagger. The first connection is taken, the others are
    // closed. If by then the look-up has not given all addresses either, each family is also looked up by itself, and
    // the first known address is tried (by fibers; a plain thread waits for all addresses). The error is that of the
    // address tried first. With options.local, only addresses of its family count;
    // std::errc::address_family_not_supported means that there is none. std::errc::invalid_argument: a stagger out of
    // range. Suspension point.
    RAMIE_API static std::expected<tcp_stream, std::error_code> connect(std::string_view host, std::uint16_t port,
                                                                        connect_options const& options = {});
    // Takes over a connected TCP socket, and makes it non-blocking, for all processes that share it. It is closed on
    // failure: std::errc::wrong_protocol_type, not_connected, not_a_socket.
    RAMIE_API static std::expected<tcp_stream, std::error_code> adopt(unique_fd fd);

    // Off: small writes may be held back until earlier ones are acknowledged.
    RAMIE_API std::expected<void, std::error_code> set_nodelay(bool on);
    // Asks a silent peer whether it is still there after `idle` (0: the system's own default); without an answer the
    // connection fails.
    RAMIE_API std::expected<void, std::error_code> set_keepalive(bool on,
                                                                 std::chrono::seconds idle = std::chrono::seconds(0));
    // On: close() resets the connection and drops bytes that were not yet sent. Off: the system goes on sending. (A
    // close() that waits for that, SO_LINGER with a time, is not offered: it would block the worker.)
    RAMIE_API std::expected<void, std::error_code> set_reset_on_close(bool on);

    RAMIE_API std::expected<endpoint, std::error_code> local_endpoint() const;
    RAMIE_API std::expected<endpoint, std::error_code> peer_endpoint() const;

  private:
    friend byte_source<tcp_stream>;
    friend detail::access;
    explicit tcp_stream(detail::owned_descriptor d) noexcept : stream_socket(std::move(d)) {}
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::byte> into);
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::span<std::byte> const> into);
};

// Takes connections. Move-only; destroying it closes it.
class tcp_listener : public detail::descriptor_holder {
  public:
    // Listens there; port 0: the system chooses one. Does not wait.
    RAMIE_API static std::expected<tcp_listener, std::error_code> bind(endpoint const& at,
                                                                       listen_options const& options = {});
    // On the first address of the host that works; a name is resolved, which is a suspension point.
    RAMIE_API static std::expected<tcp_listener, std::error_code> bind(std::string_view host, std::uint16_t port,
                                                                       listen_options const& options = {});
    // Takes over a TCP socket that listens (from systemd, see listen_fds.hpp, or from another process), and makes it
    // non-blocking, for all processes that share it. It is closed on failure: std::errc::wrong_protocol_type,
    // invalid_argument (it does not listen), not_a_socket. Does not wait.
    RAMIE_API static std::expected<tcp_listener, std::error_code> adopt(unique_fd fd);

    // The next connection, waiting for it if need be; several fibers may wait. Connections that failed in the queue are
    // skipped. If the process has no descriptors, watches (max_user_watches) or memory left, it waits until a
    // descriptor of ours is closed, or for 10 to 100 ms, and tries again (io_statistics().accept_pauses). Suspension
    // point.
    RAMIE_API std::expected<tcp_stream, std::error_code> accept();

    endpoint local_endpoint() const noexcept { return local_; }
    std::uint16_t local_port() const noexcept { return local_.port(); }

  private:
    tcp_listener(detail::owned_descriptor d, endpoint const& local) noexcept
        : descriptor_holder(std::move(d)), local_(local) {}

    endpoint local_;
};

// Cases of a select (<ramie/select.hpp>).

// Ready when a connection has come; the connection is then accepted. If another case of the select wins, the connection
// stays in the queue. If another fiber accepts it first, the select goes on. A lack of descriptors or memory does not
// make the case ready: it tries again after 10 to 100 ms (io_statistics().accept_pauses). If the listener is closed,
// before or meanwhile, the case is ready with the error, as in accept().
// handler(std::expected<tcp_stream, std::error_code>).
template <class Handler>
auto on_accept(tcp_listener& from, Handler handler) {
    return detail::accept_case<tcp_stream, Handler>(from, std::move(handler));
}

// Ready when a read (or write) need not wait, be it for an error or the end. Nothing is read or written, and another
// reader may be quicker than the handler. If the stream is closed, before or meanwhile, the case is ready with the
// error. handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(tcp_stream& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(tcp_stream& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
