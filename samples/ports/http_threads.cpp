// An HTTP/1.1 server with one std::thread per connection and blocking sockets: the server before porting.
//
// http_threads.cpp and http_fibers.cpp are one program before and after porting: `diff` them. What HTTP means is in
// http_exchange.hpp.

#include "../support/limits.hpp"
#include "../support/port_argument.hpp"
#include "blocking_socket.hpp"
#include "http_exchange.hpp"
#include "server_process.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

// Writes all answers there are; false when the client has gone.
bool write_out(blocking::limited_stream& client, http::exchange& exchange) {
    for (auto part = exchange.output(); !part.empty(); part = exchange.output())
        if (!client.write_all(part)) return false;
    return true;
}

void serve(blocking::limited_stream client) {
    http::exchange exchange;
    std::array<std::byte, http::input_size> input;

    while (exchange.is_open()) {
        auto const count = client.read(input);
        if (!count || *count == 0) return;
        exchange.feed(std::span(input).first(*count));
        while (auto const reply = exchange.next()) {
            if (reply->is_slow() && !write_out(client, exchange)) return;
            if (reply->pause > 0ms) std::this_thread::sleep_for(reply->pause);
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
    auto listener = blocking::tcp_listener::bind("127.0.0.1", port);
    if (!listener) return server_process::cannot_listen(port, listener.error());
    server_process::stop_on_signal(listener->native_handle());
    server_process::say_ready(listener->local_port());

    blocking::client_gate gate(sample_limits<blocking::client_limits>(true));
    for (;;) {
        auto client = listener->accept();
        if (!client) return server_process::stopped(client.error());
        auto admitted = gate.admit(std::move(*client));
        if (!admitted) continue;  // one too many is closed
        try {
            std::thread(serve, std::move(*admitted)).detach();
        } catch (std::system_error const& error) {
            std::cerr << "no thread for a connection, dropped: " << error.what() << '\n';
        }
    }
}

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return run_server(port);
}
