// tls_get HOST PORT [CA_FILE]: one HTTPS request to HOST, checked against the system's authorities or those in CA_FILE.
#include <ramie/ramie.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

using namespace std::chrono_literals;

namespace {

// Prints the answer. The status of the program: 0 only if all of it came.
int get(char const* host, std::uint16_t port, ramie::tls_client_options const& options) {
    auto stream = ramie::tls_stream::connect(host, port, options);
    if (!stream) {
        std::fprintf(stderr, "cannot talk to %s: %s\n", host, stream.error().message().c_str());
        return 1;
    }
    std::fprintf(stderr, "%s, %s, %s\n", stream->version().c_str(), stream->cipher().c_str(),
                 stream->peer_subject().c_str());
    if (auto const sent = stream->write_all("GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n"); !sent) {
        std::fprintf(stderr, "cannot ask: %s\n", sent.error().message().c_str());
        return 1;
    }
    std::array<char, 4096> buffer;
    for (;;) {
        auto const got = stream->read(buffer);
        if (!got) {
            std::fprintf(stderr, "the answer broke off: %s\n", got.error().message().c_str());
            return 1;
        }
        if (*got == 0) return 0;
        std::fwrite(buffer.data(), 1, *got, stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    auto const* const text = argc > 2 ? argv[2] : "";
    auto const [end, error] = std::from_chars(text, text + std::strlen(text), port);
    if (argc < 3 || argc > 4 || error != std::errc() || *end != '\0' || port == 0) {
        std::fprintf(stderr, "usage: %s HOST PORT [CA_FILE]\n", argv[0]);
        return 2;
    }
    return ramie::run([&] {
        ramie::tls_client_options options;
        if (argc == 4) options.trusted = ramie::pem::file(argv[3]);
        auto const status = ramie::timeout(10s, [&] { return get(argv[1], port, options); });
        if (status) return *status;
        std::fprintf(stderr, "no answer within 10 s\n");
        return 1;
    });
}
