// Streams between processes of one machine. Like TCP (the rules in tcp.hpp are the same); they can also hand over open
// descriptors and tell the process at the other end.
#pragma once

#include <ramie/byte_stream.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/stream/stream_socket.hpp>
#include <ramie/io_error.hpp>
#include <ramie/unique_fd.hpp>
#include <ramie/unix_endpoint.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace ramie {

// The process at the other end when the connection was made, as the system knows it.
struct peer_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
    friend bool operator==(peer_credentials const&, peer_credentials const&) = default;
};

struct received_fds {
    std::size_t size = 0;        // bytes that were read; 0: the end of the stream
    std::vector<unique_fd> fds;  // what came with them; close-on-exec
};

// One connection. Move-only; destroying it closes it. Reads and writes as byte_stream.hpp says; shutdown, peek,
// send_file and close are in detail/stream/stream_socket.hpp and detail/ready/descriptor_holder.hpp; split() is in
// stream_halves.hpp.
class unix_stream : public detail::stream_socket, public byte_source<unix_stream> {
  public:
    // The most descriptors in one message.
    static constexpr std::size_t most_fds = 253;

    // Connects. While the listener's queue is full it tries again every 1 to 50 ms. Suspension point.
    RAMIE_API static std::expected<unix_stream, std::error_code> connect(unix_endpoint const& to);
    // Two that are connected to each other. Does not wait.
    RAMIE_API static std::expected<std::pair<unix_stream, unix_stream>, std::error_code> pair();
    // As tcp_stream::adopt().
    RAMIE_API static std::expected<unix_stream, std::error_code> adopt(unique_fd fd);

    // Writes at least one byte, as many as there is room for, and copies of the descriptors with the first byte; write
    // the rest of the bytes with write(). std::errc::invalid_argument if there is no byte, or more than most_fds
    // descriptors. Suspension point.
    RAMIE_API std::expected<std::size_t, std::error_code> send_fds(std::span<std::byte const> from,
                                                                   std::span<int const> fds);
    std::expected<std::size_t, std::error_code> send_fds(std::string_view from, std::span<int const> fds) {
        return send_fds(std::as_bytes(std::span(from)), fds);
    }
    // Reads as read() does, and takes the descriptors that come with these bytes, `at_most` at most. If more came, or
    // the process has no room for them, they are all closed, the bytes are lost, and the error is
    // stream_errc::descriptors_lost. (A plain read() closes descriptors that come with its bytes, silently.) At most
    // most_fds, else std::errc::invalid_argument. Suspension point.
    RAMIE_API std::expected<received_fds, std::error_code> receive_fds(std::span<std::byte> into,
                                                                       std::size_t at_most = most_fds);
    std::expected<received_fds, std::error_code> receive_fds(std::span<char> into, std::size_t at_most = most_fds) {
        return receive_fds(std::as_writable_bytes(into), at_most);
    }

    RAMIE_API std::expected<peer_credentials, std::error_code> credentials() const;
    RAMIE_API std::expected<unix_endpoint, std::error_code> local_endpoint() const;
    RAMIE_API std::expected<unix_endpoint, std::error_code> peer_endpoint() const;

  private:
    friend byte_source<unix_stream>;
    friend detail::access;
    explicit unix_stream(detail::owned_descriptor d) noexcept : stream_socket(std::move(d)) {}
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::byte> into);
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::span<std::byte> const> into);
};

struct unix_listen_options {
    int backlog = 4096;          // connections that may wait to be accepted; the system caps it (net.core.somaxconn)
    bool replace_stale = false;  // a socket file without a listener is removed first
};

// Takes connections. Move-only; destroying it closes it, and leaves its file where it is.
class unix_listener : public detail::descriptor_holder {
  public:
    // Listens there. std::errc::address_in_use if the file exists (and replace_stale does not help: it is another kind
    // of file, or a process listens, or is just about to). If several processes replace a stale file at once, one of
    // them gets to listen: a lock on PATH.ramie-lock, a file that exists only for that moment, keeps them apart. If the
    // lock file cannot be made, the stale file stays and the error is the lock file's. Does not wait.
    RAMIE_API static std::expected<unix_listener, std::error_code> bind(unix_endpoint const& at,
                                                                        unix_listen_options const& options = {});
    // As tcp_listener::adopt().
    RAMIE_API static std::expected<unix_listener, std::error_code> adopt(unique_fd fd);

    // As tcp_listener::accept(). Suspension point.
    RAMIE_API std::expected<unix_stream, std::error_code> accept();

    unix_endpoint const& local_endpoint() const noexcept { return local_; }

  private:
    unix_listener(detail::owned_descriptor d, unix_endpoint const& local) noexcept
        : descriptor_holder(std::move(d)), local_(local) {}

    unix_endpoint local_;
};

// Cases of a select (<ramie/select.hpp>), as those of tcp.hpp.
// handler(std::expected<unix_stream, std::error_code>).
template <class Handler>
auto on_accept(unix_listener& from, Handler handler) {
    return detail::accept_case<unix_stream, Handler>(from, std::move(handler));
}
// handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(unix_stream& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(unix_stream& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
