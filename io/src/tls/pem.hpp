// PEM into OpenSSL's objects, from files or memory. Errors are error codes; files block the thread.
#pragma once

#include <ramie/tls_config.hpp>

#include <openssl/ssl.h>

#include <expected>
#include <string>
#include <system_error>

namespace ramie::detail {

using pem_result = std::expected<void, std::error_code>;

// The leaf, and the certificates between it and the root, which are sent along.
pem_result use_certificates(SSL_CTX* ctx, pem const& from);
// The key of the certificate given before. Never asks a terminal for a password.
pem_result use_key(SSL_CTX* ctx, pem const& from, std::string const& password);
// Every certificate in it is trusted by itself, whether it is a root or not.
pem_result trust(SSL_CTX* ctx, pem const& from);
// Lists of revoked certificates; from now on there must be a list from each peer's issuer.
pem_result heed_revocations(SSL_CTX* ctx, pem const& from);
// The names of these certificates are told to clients, so that they know which of their own to show.
pem_result name_to_clients(SSL_CTX* ctx, pem const& from);

}  // namespace ramie::detail
