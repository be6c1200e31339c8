// The inside of a tls_client_config or tls_server_config: OpenSSL's SSL_CTX, and what its callbacks need. It does not
// change once it is made, except for the sessions.
#pragma once

#include "tls/identities.hpp"
#include "tls/owned.hpp"
#include "tls/sessions.hpp"

#include <ramie/tls_config.hpp>

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ramie::detail {

class tls_context {
  public:
    using made = std::expected<std::shared_ptr<tls_context>, tls_config_error>;
    // They read files, and block the thread.
    static made for_clients(tls_client_options const& options);
    static made for_servers(tls_server_options const& options);

    // A connection for this config, without a wire; null if there is no memory.
    ssl_ptr connection() const;

    bool verify = false;  // for a client: check the server's name
    std::chrono::nanoseconds handshake_timeout{0};
    tls_sessions sessions;  // a client's

  private:
    tls_context() = default;

    ssl_ctx_ptr ctx_;
    tls_identities identities_;             // a server's, besides the one in ctx_
    std::vector<unsigned char> protocols_;  // a server's, in the form that is sent

    friend struct tls_context_maker;
};

}  // namespace ramie::detail
