// PEM into OpenSSL's objects, from files or memory. Errors are error codes; files block the thread.
#pragma once

#include <ramie/tls_config.hpp>

#include <openssl/ssl.h>

#include <expected>
#include <string>
#include <system_error>

namespace ramie::detail {

using pem_result = std::expected<void, std::error_code>;

// The leaf, and those between it and the root, which are sent along.
pem_result use_certificates(SSL_CTX* ctx, pem const& from);
// The key of the certificate given before. Never asks a terminal for a password.
pem_result use_key(SSL_CTX* ctx, pem const& from, std::string const& password);
// Every certificate there is trusted by itself, be it a root or not.
pem_result trust(SSL_CTX* ctx, pem const& from);
// Lists of certificates that are revoked; from now on each peer's issuer must have one.
pem_result heed_revocations(SSL_CTX* ctx, pem const& from);
// Certificates whose names clients are told, so that they know which of theirs to show.
pem_result name_to_clients(SSL_CTX* ctx, pem const& from);

}  // namespace ramie::detail
