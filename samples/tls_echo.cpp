// tls_echo [PORT]: an echo server over TLS, with a certificate it makes for itself, and a client that trusts only that.
//
// Without a port it starts a client of its own, prints what both see of each other, and ends. With one it serves until
// it is stopped, and writes the certificate to standard output, for clients to trust:
//     ./samples/run tls_echo 7443 | tee log      and then, with the certificate cut out of it into cert.pem:
//     openssl s_client -connect localhost:7443 -CAfile cert.pem -alpn echo -verify_return_error
#include "support/limits.hpp"
#include "support/port_argument.hpp"
#include "support/self_signed.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

namespace {

void serve(ramie::limited_stream<ramie::tls_stream> client) {
    if (auto const agreed = client.stream().handshake(); !agreed) {  // which has a limit of its own
        std::fprintf(stderr, "a handshake failed: %s\n", agreed.error().message().c_str());
        return;
    }
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto const got = client.read(buffer);
        if (!got) return;  // a connection that just stopped (tls_errc::truncated), or a broken one
        if (*got == 0) break;
        if (!client.write_all(std::span(buffer).first(*got))) return;
    }
    (void)client.stream().shutdown();  // says that this is the end; whether it is heard is the peer's affair
}

constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();

// So many clients, and ends when it has done with all of them.
int serve_some(ramie::tls_listener& listener, std::size_t count) {
    ramie::client_gate gate(sample_limits<ramie::client_limits>());
    ramie::scope serving;
    for (; count > 0; --count) {
        auto client = listener.accept();  // waits for no handshake
        if (!client) {
            std::fprintf(stderr, "accept: %s\n", client.error().message().c_str());
            return 1;
        }
        auto admitted = gate.admit(std::move(*client));  // one too many is closed
        if (admitted) serving.spawn(serve, std::move(*admitted)).detach();
    }
    return 0;
}

// What a client that trusts `certificate` sees; or the error.
void call(std::uint16_t port, char const* host, ramie::tls_client_options const& options) {
    auto stream = ramie::tls_stream::connect(host, port, options);
    if (!stream) {
        std::printf("%s: %s\n", host, stream.error().message().c_str());
        return;
    }
    std::string answer(5, '\0');
    stream->write_all("hello").value();
    stream->read_exactly(answer).value();
    stream->shutdown().value();
    auto const rest = stream->read(answer);
    std::printf("%s: %s, %s, \"%s\" from %s%s\n", host, stream->version().c_str(), stream->alpn().c_str(),
                answer.c_str(), stream->peer_subject().c_str(), rest && *rest == 0 ? ", to the end" : ", cut off");
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return ramie::run([&] {
        auto const self = self_signed::make("localhost");
        auto const config = ramie::tls_server_config::make(
            {.identity = {ramie::pem::text(self.certificate), ramie::pem::text(self.key)},
             .alpn = {"echo"},
             .handshake_timeout = sample_handshake_limit()});
        if (!config) {
            std::fprintf(stderr, "%s\n", config.error().message().c_str());
            return 1;
        }
        auto listener = ramie::tls_listener::bind("127.0.0.1", port, *config);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        if (argc > 1) {
            std::printf("listening on 127.0.0.1:%u\n%s", listener->local_port(), self.certificate.c_str());
            std::fflush(stdout);
            return serve_some(*listener, without_end);
        }
        auto server = ramie::scoped_task(ramie::spawn([&] { return serve_some(*listener, 3); }));
        auto const trusted = ramie::pem::text(self.certificate);
        call(listener->local_port(), "localhost", {.trusted = trusted, .alpn = {"echo"}});
        call(listener->local_port(), "127.0.0.1", {.trusted = trusted, .alpn = {"echo"}});
        call(listener->local_port(), "localhost", {.alpn = {"echo"}});  // trusts the system's authorities only
        return server.get();  // which has heard by then what the clients thought of it
    });
}
