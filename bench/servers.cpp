// The servers: port N, a task per connection, until SIGTERM ends the process. An outside load judges them.
#include "workload.hpp"

#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace bench {

namespace {

void echo(ramie::tcp_stream client) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto const got = client.read(buffer);
        if (!got || *got == 0) return;
        if (!client.write_all(std::span(buffer).first(*got))) return;
    }
}

// Answers whatever ends in an empty line; requests have no bodies.
void http(ramie::tcp_stream client) {
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    constexpr std::string_view end = "\r\n\r\n";
    std::array<char, 4096> buffer;
    std::string answers;
    std::size_t matched = 0;  // of `end`, over reads
    for (;;) {
        auto const got = client.read(buffer);
        if (!got || *got == 0) return;
        answers.clear();
        for (char const c : std::string_view(buffer.data(), *got)) {
            matched = c == end[matched] ? matched + 1 : c == end[0] ? 1 : 0;
            if (matched < end.size()) continue;
            matched = 0;
            answers += answer;
        }
        if (!answers.empty() && !client.write_all(answers)) return;
    }
}

std::vector<figure> serve(unsigned workers, std::uint64_t port, void (*connection)(ramie::tcp_stream)) {
    if (port > std::numeric_limits<std::uint16_t>::max()) throw std::invalid_argument("N is the port: 1 to 65535");
    return ramie::run({.workers = workers}, [=]() -> std::vector<figure> {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", static_cast<std::uint16_t>(port));
        if (!listener) throw std::system_error(listener.error(), "cannot listen");
        for (;;) {
            auto client = listener->accept();
            if (!client) throw std::system_error(client.error(), "accept");
            ramie::spawn(connection, std::move(*client)).detach();
        }
    });
}

}  // namespace

std::vector<figure> run_echo(unsigned workers, std::uint64_t port) { return serve(workers, port, echo); }
std::vector<figure> run_http(unsigned workers, std::uint64_t port) { return serve(workers, port, http); }

}  // namespace bench
