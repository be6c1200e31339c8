// graceful_shutdown [PORT]: on SIGTERM stop accepting, let connections finish, and after a deadline abort the rest.
#include "support/limits.hpp"
#include "support/port_argument.hpp"

#include <ramie/ramie.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <expected>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace {

constexpr auto drain_limit = 2s;

// Which signal asked us to end; 0: none yet. Whoever holds a receiver sees the latest value, or waits for it to change.
using request = ramie::watch_receiver<int>;

void serve(ramie::limited_stream<ramie::tcp_stream> client, request const& to_end) {
    // Destructors run when a task is aborted, too.
    struct goodbye {
        ~goodbye() { std::puts("connection over"); }
    } const says_goodbye;
    std::array<std::byte, 4096> buffer;
    for (bool last = false; !last;) {
        auto const got = client.read(buffer);
        if (!got || *got == 0) return;
        last = *to_end.borrow() != 0;  // one more answer, and that is it
        if (!client.write_all(std::span(buffer).first(*got))) return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line at once, also into a pipe
    return ramie::run([&] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        ramie::signals end_requests{SIGINT, SIGTERM};
        std::printf("listening on 127.0.0.1:%u\n", listener->local_port());

        ramie::client_gate gate(sample_limits<ramie::client_limits>());
        auto [ask, to_end] = ramie::watch(0);
        ramie::join_set<void> open;
        bool accepting = true;
        auto const serve_it = [&](std::expected<ramie::tcp_stream, std::error_code> client) {
            if (!client) {
                accepting = false;
            } else if (auto admitted = gate.admit(std::move(*client))) {  // one too many is closed
                open.spawn([c = std::move(*admitted), to_end]() mutable { serve(std::move(c), to_end); });
            }
        };
        while (accepting) {
            // A connection that comes with the signal is not accepted and lost: only the winner takes effect.
            ramie::select(ramie::on_accept(*listener, serve_it),
                          ramie::on_signal(end_requests, [&](int number) {
                              accepting = false;
                              (void)ask.send(number);  // to all who serve
                          }));
            while (open.try_join_next()) {}  // those that are over
        }
        listener->close();
        std::printf("signal %d: no more connections, %zu open\n", *to_end.borrow(), open.size());

        int drained = 0, aborted = 0;
        auto const join_all = [&] {
            while (auto const ended = open.join_next()) ++(ended->has_value() ? drained : aborted);
        };
        (void)ramie::timeout(drain_limit, join_all);
        open.abort_all();
        join_all();
        std::printf("ended by themselves: %d, aborted: %d\n", drained, aborted);
        return 0;
    });
}
