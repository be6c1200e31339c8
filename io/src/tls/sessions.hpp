// A client's earlier sessions, by host and port, to be taken up again.
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

    // Takes the session over. One for each peer, the latest; when there are too many, any other one goes.
    void put(std::string const& peer, SSL_SESSION* session);
    // Gives `ssl` the peer's session, if there is one. A session of TLS 1.3 is used only once, so that nobody who
    // listens can tell two connections to be the same client's.
    void offer_to(SSL* ssl, std::string const& peer);
    // The peer would have none of it.
    void forget(std::string const& peer);

  private:
    static constexpr std::size_t most = 256;

    std::mutex guard_;  // Held for a moment: OpenSSL calls put() out of its own calls. Not a plain_mutex: OpenSSL
                        // is called under it, whose locks park as this one does, with libramie-hook in the process.
    std::map<std::string, SSL_SESSION*> known_;
};

}  // namespace ramie::detail
