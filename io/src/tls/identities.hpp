// A server of several names: which certificate it shows to whom.
#pragma once

#include "tls/owned.hpp"

#include <vector>

namespace ramie::detail {

class tls_identities {
  public:
    tls_identities() = default;
    tls_identities(tls_identities const&) = delete;
    tls_identities& operator=(tls_identities const&) = delete;

    // Of `with` only the certificate, its chain and its key are used.
    void add(ssl_ctx_ptr with) { others_.push_back(std::move(with)); }
    // From now on each handshake of `server` shows the first certificate that is good for the host its client asks for:
    // its own, then these; if there is none, its own. This object outlives it, and is not changed any more.
    void choose_for(SSL_CTX* server);

  private:
    // OpenSSL calls it while it reads a client's first message, before it looks for a certificate.
    static int choose(SSL* ssl, int* alert, void* self);

    std::vector<ssl_ctx_ptr> others_;
};

}  // namespace ramie::detail
