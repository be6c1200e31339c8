#include "tls/sessions.hpp"

namespace ramie::detail {

tls_sessions::~tls_sessions() {
    for (auto const& [peer, session] : known_) ::SSL_SESSION_free(session);
}

void tls_sessions::put(std::string const& peer, SSL_SESSION* session) {
    std::lock_guard const held(guard_);
    auto& place = known_[peer];
    if (place != nullptr) ::SSL_SESSION_free(place);
    place = session;
    if (known_.size() <= most) return;
    auto victim = known_.begin();
    if (victim->second == session) ++victim;
    ::SSL_SESSION_free(victim->second);
    known_.erase(victim);
}

void tls_sessions::offer_to(SSL* ssl, std::string const& peer) {
    std::lock_guard const held(guard_);
    auto const found = known_.find(peer);
    if (found == known_.end()) return;
    ::SSL_set_session(ssl, found->second);  // takes its own reference; if it fails, the handshake is a full one
    if (::SSL_SESSION_get_protocol_version(found->second) < TLS1_3_VERSION) return;
    ::SSL_SESSION_free(found->second);
    known_.erase(found);
}

void tls_sessions::forget(std::string const& peer) {
    std::lock_guard const held(guard_);
    auto const found = known_.find(peer);
    if (found == known_.end()) return;
    ::SSL_SESSION_free(found->second);
    known_.erase(found);
}

}  // namespace ramie::detail
