// OpenSSL's objects, owned.
#pragma once

#include <openssl/ssl.h>

#include <memory>

namespace ramie::detail {

template <auto Free>
struct freed_by {
    void operator()(auto* p) const noexcept { Free(p); }
};
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<&::SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<&::SSL_free>>;

}  // namespace ramie::detail
