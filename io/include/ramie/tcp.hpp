// TCP in blocking style: a call returns when it is done, and meanwhile other fibers run on its thread.
//
// A socket belongs to the runtime in which it was made (outside one, making it throws no_runtime), and may be used from
// any fiber or plain thread, also of other runtimes, as long as that one lives. Every call may be made while others are
// made on the same socket: one reader and one writer at once is the rule, several of each are possible. Only moving and
// destroying a socket is for one at a time.
//
// Reading, writing, accepting and connecting are suspension points: an abort or a timeout throws out of the wait and
// leaves the socket usable. When another fiber calls close(), they return operation_canceled at once; begun after it,
// bad_file_descriptor. As cases of a select: tcp_cases.hpp.
#pragma once

#include <ramie/detail/owned_descriptor.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/io_error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>

namespace ramie {

namespace detail {
class accept_attempts;
class readiness_attempts;
}  // namespace detail

enum class shutdown_side { read, write, both };

// One connection. Move-only; destroying it closes it. Small messages go out at once (TCP_NODELAY is on).
class tcp_stream {
  public:
    // Connects. Suspension point.
    static std::expected<tcp_stream, std::error_code> connect(endpoint const& to);
    // Resolves the host and tries its addresses in turn; the error is the last one's. Suspension point.
    static std::expected<tcp_stream, std::error_code> connect(std::string_view host, std::uint16_t port);

    // Reads what has come, at least one byte, waiting for it if need be. 0: the peer has sent all it will, or `into` is
    // empty. Suspension point.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read(std::span<char> into) { return read(std::as_writable_bytes(into)); }
    // Fills `into`. stream_errc::unexpected_end if the peer ends before. `done` counts as it goes, so that it is right
    // also after an abort. Suspension point.
    std::expected<std::size_t, io_error> read_exactly(std::span<std::byte> into, std::size_t& done);
    std::expected<std::size_t, io_error> read_exactly(std::span<std::byte> into) {
        std::size_t done = 0;
        return read_exactly(into, done);
    }
    std::expected<std::size_t, io_error> read_exactly(std::span<char> into, std::size_t& done) {
        return read_exactly(std::as_writable_bytes(into), done);
    }
    std::expected<std::size_t, io_error> read_exactly(std::span<char> into) {
        return read_exactly(std::as_writable_bytes(into));
    }

    // Writes at least one byte, as many as there is room for, waiting for room if need be. Suspension point.
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write(std::string_view from) { return write(bytes_of(from)); }
    // Writes all. `done` as for read_exactly(). Suspension point.
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from, std::size_t& done);
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from) {
        std::size_t done = 0;
        return write_all(from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from, std::size_t& done) {
        return write_all(bytes_of(from), done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from) { return write_all(bytes_of(from)); }

    // Ends one direction or both: the peer reads to the end; those who wait here in that direction return. Does not
    // wait.
    std::expected<void, std::error_code> shutdown(shutdown_side side);
    std::expected<void, std::error_code> shutdown_write() { return shutdown(shutdown_side::write); }

    // Off: small writes may be held back until earlier ones are acknowledged.
    std::expected<void, std::error_code> set_nodelay(bool on);
    // Asks a silent peer whether it is still there after `idle` (0: the system's own default), and gives up on it if it
    // is not.
    std::expected<void, std::error_code> set_keepalive(bool on, std::chrono::seconds idle = std::chrono::seconds(0));

    std::expected<endpoint, std::error_code> local_endpoint() const;
    std::expected<endpoint, std::error_code> peer_endpoint() const;

    // Closes the connection; those who wait on it return at once. Does not wait. May be called again, and by any fiber
    // or thread.
    void close() noexcept { descriptor_.close(); }
    // The descriptor, non-blocking; -1 once closed. It stays ours.
    int native_handle() const noexcept { return descriptor_.fd(); }

  private:
    friend class tcp_listener;
    friend class detail::accept_attempts;
    friend class detail::readiness_attempts;
    explicit tcp_stream(detail::owned_descriptor d) noexcept : descriptor_(std::move(d)) {}
    static std::span<std::byte const> bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

    detail::owned_descriptor descriptor_;
};

struct listen_options {
    int backlog = 4096;         // connections that may wait to be accepted; the system caps it (net.core.somaxconn)
    bool reuse_address = true;  // bind although connections of an earlier listener linger
    bool reuse_port = false;    // share the port with other listeners that say so too
};

// Takes connections. Move-only; destroying it closes it.
class tcp_listener {
  public:
    // Listens there; port 0: the system chooses one. Does not wait.
    static std::expected<tcp_listener, std::error_code> bind(endpoint const& at, listen_options const& options = {});
    // On the first address of the host that will do; a name is resolved, which is a suspension point.
    static std::expected<tcp_listener, std::error_code> bind(std::string_view host, std::uint16_t port,
                                                             listen_options const& options = {});

    // The next connection, waiting for it if need be; several may wait. Connections that died in the queue are passed
    // over. When the process has no descriptors or memory left, it waits until one of ours is closed, or for 10 to 100
    // ms, and tries again (io_statistics().accept_pauses). Suspension point.
    std::expected<tcp_stream, std::error_code> accept();

    endpoint local_endpoint() const noexcept { return local_; }
    std::uint16_t local_port() const noexcept { return local_.port(); }

    // Stops listening; those who wait in accept() return at once. Does not wait. May be called again, and by any fiber
    // or thread.
    void close() noexcept { descriptor_.close(); }
    // As for tcp_stream.
    int native_handle() const noexcept { return descriptor_.fd(); }

  private:
    friend class detail::accept_attempts;
    tcp_listener(detail::owned_descriptor d, endpoint const& local) noexcept
        : descriptor_(std::move(d)), local_(local) {}

    detail::owned_descriptor descriptor_;
    endpoint local_;
};

}  // namespace ramie
