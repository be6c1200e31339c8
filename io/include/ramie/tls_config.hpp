// What a TLS connection is to be like: options are plain values, and a config is made of them once and shared by all
// connections; making one reads files and checks everything.
#pragma once

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

// Who one is: the certificate with those between it and the root, leaf first, and its key.
struct tls_identity {
    pem certificates;
    pem key;
    std::string key_password = {};  // if the key is encrypted
};

enum class tls_version { tls_1_2, tls_1_3 };

struct tls_client_options {
    // The server must show a certificate for the host one asked for, from somebody trusted. Off: anybody may pretend to
    // be the server.
    bool verify = true;
    // Whom to trust, instead of the system's store.
    std::optional<pem> trusted = {};
    // Revocation lists (CRL) of the servers' issuers; then every issuer of a server needs one.
    std::optional<pem> revoked = {};
    // For servers that want to know their clients.
    std::optional<tls_identity> identity = {};
    // Application protocols, best first, as "h2". tls_stream::alpn() says which one was chosen.
    std::vector<std::string> alpn = {};
    tls_version min_version = tls_version::tls_1_2;
    // Take up earlier sessions with the same host and port: fewer messages and less arithmetic.
    bool resume = true;
    // A handshake that takes longer fails with errc::timed_out; 0: as long as it takes.
    std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(30);
};

// Whether clients must show certificates. A certificate that is shown must be good in any case.
enum class tls_client_certificates { ignored, optional, required };

struct tls_server_options {
    tls_identity identity;
    // For a server of several names. A client that says which host it asks for (SNI; all but very old ones do) is shown
    // the first certificate that is good for it: `identity`, then these in their order. If none is, or it does not say:
    // `identity`.
    std::vector<tls_identity> more_identities = {};
    tls_client_certificates clients = tls_client_certificates::ignored;
    // Who vouches for clients; needed unless they are ignored.
    std::optional<pem> trusted = {};
    // Revocation lists of the clients' issuers.
    std::optional<pem> revoked = {};
    // Application protocols, best first. A client that names protocols, none of them these, is refused; one that names
    // none is not.
    std::vector<std::string> alpn = {};
    tls_version min_version = tls_version::tls_1_2;
    std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(30);
};

// Which option is at fault, and why.
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
    static std::expected<tls_client_config, tls_config_error> make(tls_client_options const& options);
    // The options' defaults; made once in a process. Suspension point.
    static std::expected<tls_client_config, tls_config_error> defaults();

  private:
    friend class tls_stream;
    explicit tls_client_config(std::shared_ptr<detail::tls_context> c) noexcept : context_(std::move(c)) {}

    std::shared_ptr<detail::tls_context> context_;
};

// Immutable and cheap to copy. From any fiber or thread.
class tls_server_config {
  public:
    // As tls_client_config::make(). Suspension point.
    static std::expected<tls_server_config, tls_config_error> make(tls_server_options const& options);

  private:
    friend class tls_stream;
    explicit tls_server_config(std::shared_ptr<detail::tls_context> c) noexcept : context_(std::move(c)) {}

    std::shared_ptr<detail::tls_context> context_;
};

}  // namespace ramie

#endif
