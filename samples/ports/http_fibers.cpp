// The same HTTP/1.1 server with one Ramie fiber per connection: http_threads.cpp after porting.
//
// http_threads.cpp and http_fibers.cpp are one program before and after porting: `diff` them. What HTTP means is in
// http_exchange.hpp.

#include "../support/limits.hpp"
#include "../support/port_argument.hpp"
#include "http_exchange.hpp"
#include "server_process.hpp"

#include <ramie/client_limits.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

using namespace std::chrono_literals;

// Writes all answers there are; false when the client has gone.
bool write_out(ramie::limited_stream<ramie::tcp_stream>& client, http::exchange& exchange) {
    for (auto part = exchange.output(); !part.empty(); part = exchange.output())
        if (!client.write_all(part)) return false;
    return true;
}

void serve(ramie::limited_stream<ramie::tcp_stream> client) {
    http::exchange exchange;
    std::array<std::byte, http::input_size> input;

    while (exchange.is_open()) {
        auto const count = client.read(input);
        if (!count || *count == 0) return;
        exchange.feed(std::span(input).first(*count));
        while (auto const reply = exchange.next()) {
            if (reply->is_slow() && !write_out(client, exchange)) return;
            if (reply->pause > 0ms) ramie::this_fiber::sleep_for(reply->pause);
            exchange.answer(*reply);
            if (exchange.is_full() && !write_out(client, exchange)) return;
            client.request_is_over();
        }
        if (!write_out(client, exchange)) return;
        if (exchange.is_in_request()) client.request_begins();
        if (exchange.has_header()) client.header_is_complete();
    }
}

int run_server(std::uint16_t port) {
    auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
    if (!listener) return server_process::cannot_listen(port, listener.error());
    server_process::stop_on_signal(listener->native_handle());
    server_process::say_ready(listener->local_port());

    ramie::client_gate gate(sample_limits<ramie::client_limits>(true));
    for (;;) {
        auto client = listener->accept();
        if (!client) return server_process::stopped(client.error());
        auto admitted = gate.admit(std::move(*client));
        if (!admitted) continue;  // one too many is closed
        ramie::spawn(serve, std::move(*admitted)).detach();
    }
}

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return ramie::run([port] { return run_server(port); });
}
