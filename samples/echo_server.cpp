// echo_server [PORT]: a task per connection, written as if each had a thread of its own.
#include "support/limits.hpp"
#include "support/port_argument.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace {

void serve(ramie::limited_stream<ramie::tcp_stream> client) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto const got = client.read(buffer);  // parks until there is something to read
        if (!got || *got == 0) return;         // an error, too slow, or the peer is done; the destructor closes
        if (!client.write_all(std::span(buffer).first(*got))) return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return ramie::run([port] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        std::printf("listening on 127.0.0.1:%u\n", listener->local_port());
        std::fflush(stdout);
        ramie::client_gate gate(sample_limits<ramie::client_limits>());
        for (;;) {
            auto client = listener->accept();  // rides out a lack of descriptors by itself
            if (!client) {
                std::fprintf(stderr, "accept: %s\n", client.error().message().c_str());
                return 1;
            }
            auto admitted = gate.admit(std::move(*client));  // one too many is closed
            if (admitted) ramie::spawn(serve, std::move(*admitted)).detach();
        }
    });
}
