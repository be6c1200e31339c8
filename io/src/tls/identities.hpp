// A server with several names: which certificate it shows to which client.
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
    // `server`'s own one, then these; if none is good, its own. This object must outlive `server`, and must not change
    // any more.
    void choose_for(SSL_CTX* server);

  private:
    // OpenSSL calls it while it reads a client's first message, before it looks for a certificate.
    static int choose(SSL* ssl, int* alert, void* self);

    std::vector<ssl_ctx_ptr> others_;
};

}  // namespace ramie::detail
