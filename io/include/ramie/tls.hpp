// TLS in blocking style (OpenSSL 3): tcp_stream's calls, encrypted. TLS 1.2 and 1.3, no renegotiation.
//
//     auto s = ramie::tls_stream::connect("example.org", 443);             // checks who the server is
//
//     tls_server_options const options{.identity = {pem::file("chain.pem"), pem::file("key.pem")}};
//     auto listener = tls_listener::bind("0.0.0.0", 443, *tls_server_config::make(options));
//     auto client = listener->accept();                                    // waits for no handshake
//     spawn([client = std::move(*client)]() mutable { client.handshake(); ... });
//
// Calls may be made while others are made on the same stream: a reader does not hold up a writer, and a writer not a
// reader. Reading, writing, shutdown() and the handshake are suspension points: an abort or a timeout throws out of the
// wait and leaves the stream usable, and close() by another fiber ends the wait with operation_canceled.
//
// A server is accepted for a host if its certificate names that host (RFC 9525): by a DNS name, never by its subject (a
// CN), where a star stands for the whole first label; or by the very address. "example.org." is example.org, the zone
// of "fe80::1%eth0" is not part of the address, and ".org" is no host. Names in other scripts are given as "xn--...".
//
// The end of a stream matters: read() returns 0 only if the peer has announced the end; a connection that just stops is
// tls_errc::truncated. So call shutdown() after the last write. Neither close() nor the destructor announces the end,
// because half a message must not look whole when its writer was aborted.
//
// A handshake computes for a millisecond or a few. At most one for every two cores computes at a time (in the process),
// so that many handshakes do not keep other fibers waiting. OpenSSL runs on the fiber's own stack if there is room (64
// KiB left for a handshake, 16 KiB for other calls: nearly always), else on a thread of the blocking pool.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/tls_config.hpp>

#if RAMIE_WITH_TLS

#include <ramie/detail/stream/exact_reading.hpp>
#include <ramie/detail/tls/tls_transport.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/io_error.hpp>
#include <ramie/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// One connection. Move-only; destroying it closes it. Moving and destroying are for one at a time.
class tls_stream : public detail::exact_reading<tls_stream> {
  public:
    // Resolves the host, connects, and shakes hands. Suspension point.
    RAMIE_API static std::expected<tls_stream, std::error_code> connect(std::string_view host, std::uint16_t port,
                                                                        tls_client_config const& config);
    // With default options; or with a config made for this one connection, which is expensive.
    RAMIE_API static std::expected<tls_stream, std::error_code> connect(std::string_view host, std::uint16_t port);
    RAMIE_API static std::expected<tls_stream, std::error_code> connect(std::string_view host, std::uint16_t port,
                                                                        tls_client_options const& options);

    // TLS over an existing stream: any type that can read, write and close() as tcp_stream does. The peer must prove to
    // be `host`, a name or an address. Does not wait: the handshake is done by handshake(), or by the first read or
    // write. Error: errc::invalid_argument for a text that cannot be a host.
    template <detail::carries_tls Stream>
    static std::expected<tls_stream, std::error_code> client(Stream over, std::string_view host,
                                                             tls_client_config const& config) {
        return client_over(wrap(std::move(over)), host, 0, config);
    }
    template <detail::carries_tls Stream>
    static std::expected<tls_stream, std::error_code> server(Stream over, tls_server_config const& config) {
        return server_over(wrap(std::move(over)), config);
    }

    RAMIE_API tls_stream(tls_stream&&) noexcept;
    RAMIE_API tls_stream& operator=(tls_stream&&) noexcept;
    RAMIE_API ~tls_stream();

    // Agrees with the peer, and checks the peer's identity; does nothing if that is done. Errors: tls_errc,
    // openssl_category(), errc::timed_out (after handshake_timeout), the connection's own. After a failure it and all
    // other calls fail with the same error. Suspension point; after an abort it can be continued by another call.
    RAMIE_API std::expected<void, std::error_code> handshake();

    // As tcp_stream's. 0: the peer has announced the end, or `into` is empty. Suspension points.
    RAMIE_API std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }

    // As tcp_stream's, at most 16 KiB for one write(). Bytes that have been encrypted count as written: if the wait for
    // room is aborted, they are sent by the next write, even an empty one, or by shutdown(). (write_all's `done` tells
    // how many there were; an aborted write() cannot.) Suspension points.
    RAMIE_API std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write(std::string_view from) { return write(bytes_of(from)); }
    RAMIE_API std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from, std::size_t& done);
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from) {
        std::size_t done = 0;
        return write_all(from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from, std::size_t& done) {
        return write_all(bytes_of(from), done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from) { return write_all(bytes_of(from)); }

    // Announces the end to the peer; reading goes on until the peer's own end. Later writes: errc::broken_pipe.
    // Before the handshake: errc::not_connected. Suspension point.
    RAMIE_API std::expected<void, std::error_code> shutdown();
    // Closes the connection as it stands; waiting calls return at once. Does not wait. May be called again, and by any
    // fiber or thread.
    RAMIE_API void close() noexcept;

    // The results of the handshake; empty before it. These may wait for a moment while another fiber is inside OpenSSL;
    // no abort points.
    RAMIE_API std::string alpn() const;              // "h2"; empty: none
    RAMIE_API std::string version() const;           // "TLSv1.3"
    RAMIE_API std::string cipher() const;            // "TLS_AES_256_GCM_SHA384"
    RAMIE_API std::string server_name() const;       // the host name that the client asked for; empty: none
    RAMIE_API bool resumed() const;                  // an earlier session was resumed
    RAMIE_API std::string peer_certificate() const;  // in PEM; empty: there is none
    RAMIE_API std::string peer_subject() const;      // "CN=alice,O=Example"

    // Of the stream below; errc::not_supported if that has no endpoints.
    RAMIE_API std::expected<endpoint, std::error_code> local_endpoint() const;
    RAMIE_API std::expected<endpoint, std::error_code> peer_endpoint() const;

  private:
    explicit tls_stream(std::unique_ptr<detail::tls_connection> c) noexcept;
    template <class Stream>
    static std::unique_ptr<detail::tls_transport> wrap(Stream over) {
        return std::make_unique<detail::tls_transport_over<Stream>>(std::move(over));
    }
    RAMIE_API static std::expected<tls_stream, std::error_code> client_over(std::unique_ptr<detail::tls_transport> over,
                                                                            std::string_view host, std::uint16_t port,
                                                                            tls_client_config const& config);
    RAMIE_API static std::expected<tls_stream, std::error_code> server_over(std::unique_ptr<detail::tls_transport> over,
                                                                            tls_server_config const& config);
    static std::span<std::byte const> bytes_of(std::string_view text) noexcept {
        return std::as_bytes(std::span(text));
    }

    std::unique_ptr<detail::tls_connection> connection_;  // null once moved from
};

// Takes connections. Move-only; destroying it closes it. Like tcp_listener; the handshake is left to the stream.
// One listener may serve several hosts, each with a certificate of its own: tls_server_options::more_identities.
class tls_listener {
  public:
    RAMIE_API static std::expected<tls_listener, std::error_code> bind(endpoint const& at, tls_server_config config,
                                                                       listen_options const& options = {});
    RAMIE_API static std::expected<tls_listener, std::error_code>
    bind(std::string_view host, std::uint16_t port, tls_server_config config, listen_options const& options = {});

    // The next connection, before its handshake: so a slow client does not keep others waiting. Suspension point.
    RAMIE_API std::expected<tls_stream, std::error_code> accept();

    endpoint local_endpoint() const noexcept { return listener_.local_endpoint(); }
    std::uint16_t local_port() const noexcept { return listener_.local_port(); }
    void close() noexcept { listener_.close(); }
    int native_handle() const noexcept { return listener_.native_handle(); }

  private:
    tls_listener(tcp_listener l, tls_server_config c) noexcept : listener_(std::move(l)), config_(std::move(c)) {}

    tcp_listener listener_;
    tls_server_config config_;
};

}  // namespace ramie

#else

#define RAMIE_TLS_IS_MISSING                                                                                           \
    __attribute__((unavailable(                                                                                        \
        "this Ramie was built without TLS: OpenSSL 3 was not found, or it was set up with -Dtls=disabled")))

namespace ramie {

class RAMIE_TLS_IS_MISSING tls_stream;
class RAMIE_TLS_IS_MISSING tls_listener;
class RAMIE_TLS_IS_MISSING tls_client_config;
class RAMIE_TLS_IS_MISSING tls_server_config;

}  // namespace ramie

#undef RAMIE_TLS_IS_MISSING

#endif
