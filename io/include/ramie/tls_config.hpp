// The properties of a TLS connection. Options are plain values; a config is made of them once and shared by all
// connections. Making one reads files and checks everything.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/tls_error.hpp>

#if RAMIE_WITH_TLS

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ramie {

namespace detail {
class tls_context;
class tls_connection;
}  // namespace detail

// Certificates, a key or revocation lists in PEM: a file, or text in memory.
class pem {
  public:
    static pem file(std::string path) { return pem(std::move(path), true); }
    static pem text(std::string content) { return pem(std::move(content), false); }

    bool is_file() const noexcept { return is_file_; }
    // The path, or the text.
    std::string const& value() const noexcept { return value_; }

  private:
    pem(std::string value, bool is_file) : value_(std::move(value)), is_file_(is_file) {}

    std::string value_;
    bool is_file_;
};

// One's identity: the certificate with those between it and the root, leaf first, and its key.
struct tls_identity {
    pem certificates;
    pem key;
    std::string key_password = {};  // if the key is encrypted
};

enum class tls_version { tls_1_2, tls_1_3 };

struct tls_client_options {
    // The server must show a certificate for the host that was asked for, from a trusted issuer. Off: any machine may
    // pretend to be the server.
    bool verify = true;
    // The trusted certificates, instead of the system's store.
    std::optional<pem> trusted = {};
    // Revocation lists (CRL) of the servers' issuers; then there must be a list from every issuer of a server.
    std::optional<pem> revoked = {};
    // For servers that check their clients.
    std::optional<tls_identity> identity = {};
    // Application protocols, best first, such as "h2". tls_stream::alpn() says which one was chosen.
    std::vector<std::string> alpn = {};
    tls_version min_version = tls_version::tls_1_2;
    // Resume earlier sessions with the same host and port: fewer messages and less computing.
    bool resume = true;
    // A handshake that takes longer fails with errc::timed_out; 0: no limit.
    std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(30);
};

// Whether clients must show certificates. A certificate that is shown must be valid in any case.
enum class tls_client_certificates { ignored, optional, required };

struct tls_server_options {
    tls_identity identity;
    // For a server with several names. A client that names the host it asks for (SNI; all but very old ones do) gets
    // the first certificate that is good for that host: `identity`, then these in their order. If none is good, or the
    // client names no host: `identity`.
    std::vector<tls_identity> more_identities = {};
    tls_client_certificates clients = tls_client_certificates::ignored;
    // The trusted issuers of clients' certificates; needed unless those are ignored.
    std::optional<pem> trusted = {};
    // Revocation lists of the clients' issuers.
    std::optional<pem> revoked = {};
    // Application protocols, best first. A client that names protocols, but none of these, is refused; a client that
    // names no protocol is not.
    std::vector<std::string> alpn = {};
    tls_version min_version = tls_version::tls_1_2;
    std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(30);
};

// The wrong option, and the reason.
struct tls_config_error {
    std::error_code code;
    std::string what;  // "identity.key: /etc/x.key"

    std::string message() const { return what + ": " + code.message(); }
};

// Immutable and cheap to copy; copies share sessions. From any fiber or thread.
class tls_client_config {
  public:
    // Reads the files and the system's store (some 30 ms), on a thread of the blocking pool if called by a fiber.
    // Suspension point.
    RAMIE_API static std::expected<tls_client_config, tls_config_error> make(tls_client_options const& options);
    // The options' defaults; made once in a process. Suspension point.
    RAMIE_API static std::expected<tls_client_config, tls_config_error> defaults();

  private:
    friend class tls_stream;
    explicit tls_client_config(std::shared_ptr<detail::tls_context> c) noexcept : context_(std::move(c)) {}

    std::shared_ptr<detail::tls_context> context_;
};

// Immutable and cheap to copy. From any fiber or thread.
class tls_server_config {
  public:
    // As tls_client_config::make(). Suspension point.
    RAMIE_API static std::expected<tls_server_config, tls_config_error> make(tls_server_options const& options);

  private:
    friend class tls_stream;
    explicit tls_server_config(std::shared_ptr<detail::tls_context> c) noexcept : context_(std::move(c)) {}

    std::shared_ptr<detail::tls_context> context_;
};

}  // namespace ramie

#endif
