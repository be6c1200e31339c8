// Shared by the TLS tests: an authority, configs made with it, connected pairs.
#pragma once

#include "certificates.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>
#include <ramie/tls.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace ramie::testing {

// One for the whole program; making keys takes time.
inline certified const& authority() {
    static auto const one = make_authority();
    return one;
}
inline certified const& server_identity() {
    static auto const one = authority().issue({.subject = "server"});
    return one;
}

inline tls_server_config server_config() {
    static auto const one = tls_server_config::make({.identity = server_identity().identity()}).value();
    return one;
}
inline tls_client_options trusting_options() {
    return {.trusted = pem::text(authority().certificate())};
}
inline tls_client_config client_config() {
    static auto const one = tls_client_config::make(trusting_options()).value();
    return one;
}

struct tls_pair {
    tls_stream client, server;
};

// Before the handshake.
inline tls_pair tls_strangers(tls_client_config const& c = client_config(),
                              tls_server_config const& s = server_config(), std::string_view host = "localhost") {
    auto [here, there] = connect_pair();
    return {tls_stream::client(std::move(here), host, c).value(), tls_stream::server(std::move(there), s).value()};
}

// How the handshake ended, on both sides.
struct handshake_ends {
    std::error_code client, server;
};
inline handshake_ends shake_hands(tls_pair& p) {
    auto server = spawn([&] { return error_in(p.server.handshake()); });
    auto const client = error_in(soon([&] { return p.client.handshake(); }));
    if (client) p.client.close();
    return {client, soon([&] { return server.get(); })};
}

inline tls_pair tls_friends() {
    auto p = tls_strangers();
    auto const ends = shake_hands(p);
    REQUIRE(!ends.client);
    REQUIRE(!ends.server);
    return p;
}

inline std::string text_from(tls_stream& s, std::size_t most = 4096) {
    std::string text(most, '\0');
    text.resize(s.read(text).value());
    return text;
}
inline std::string all_text_from(tls_stream& s) {
    std::string all;
    for (auto part = text_from(s); !part.empty(); part = text_from(s)) all += part;
    return all;
}

}  // namespace ramie::testing
