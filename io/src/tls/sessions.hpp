// A client's earlier sessions, by host and port, so that they can be resumed.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace ramie::detail {

class tls_sessions {
  public:
    tls_sessions() = default;
    tls_sessions(tls_sessions const&) = delete;
    tls_sessions& operator=(tls_sessions const&) = delete;
    ~tls_sessions();

    // Takes the session over. One for each peer, the latest; if there are too many peers, any other session is dropped.
    void put(std::string const& peer, SSL_SESSION* session);
    // Gives `ssl` the peer's session, if there is one. A session of TLS 1.3 is used only once, so that an eavesdropper
    // cannot tell that two connections come from the same client.
    void offer_to(SSL* ssl, std::string const& peer);
    // The peer refused the session.
    void forget(std::string const& peer);

  private:
    static constexpr std::size_t most = 256;

    std::mutex guard_;  // held for a moment: OpenSSL calls put() inside its own calls. Not a plain_mutex: OpenSSL
                        // is called under it, and with libramie-hook OpenSSL's locks park, as this one does.
    std::map<std::string, SSL_SESSION*> known_;
};

}  // namespace ramie::detail
