#include "tls/identities.hpp"

#include "tls/host.hpp"

namespace ramie::detail {

namespace {

bool show(SSL* ssl, SSL_CTX* identity) {
    STACK_OF(X509)* between = nullptr;
    SSL_CTX_get0_chain_certs(identity, &between);
    // OpenSSL keeps one certificate for each kind of key: without this, a client could still get the former one.
    ::SSL_certs_clear(ssl);
    return ::SSL_use_cert_and_key(ssl, ::SSL_CTX_get0_certificate(identity), ::SSL_CTX_get0_privatekey(identity),
                                  between, 1) == 1;
}

}  // namespace

void tls_identities::choose_for(SSL_CTX* server) {
    if (others_.empty()) return;
    SSL_CTX_set_tlsext_servername_callback(server, &choose);
    SSL_CTX_set_tlsext_servername_arg(server, this);
}

int tls_identities::choose(SSL* ssl, int*, void* self) {
    auto const* const host = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (host == nullptr) return SSL_TLSEXT_ERR_NOACK;
    // The same rule by which our clients check a server: a certificate that is found here is accepted there.
    auto const asked_for = tls_host::parse(host);
    if (!asked_for) return SSL_TLSEXT_ERR_NOACK;
    if (asked_for->is_named_by(::SSL_get_certificate(ssl))) return SSL_TLSEXT_ERR_OK;
    for (auto const& each : static_cast<tls_identities const*>(self)->others_) {
        if (asked_for->is_named_by(::SSL_CTX_get0_certificate(each.get())))
            return show(ssl, each.get()) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_NOACK;  // the client will decide
}

}  // namespace ramie::detail
