// graceful_shutdown [PORT]: on SIGTERM stop accepting, let connections finish, and after a deadline abort the rest.
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

void serve(ramie::tcp_stream client, request const& to_end) {
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

// Signals are waited for on a thread of the blocking pool; a wait that is no longer wanted sees its stop_token.
int next_signal(std::stop_token stop, sigset_t signals) {
    timespec const look_again{0, 100'000'000};
    while (!stop.stop_requested())
        if (int const number = ::sigtimedwait(&signals, nullptr, &look_again); number > 0) return number;
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    // Before any thread exists, so that all inherit it: these signals are only taken by next_signal.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    auto const port = port_argument(argc, argv);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line at once, also into a pipe
    return ramie::run([&] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        std::printf("listening on 127.0.0.1:%u\n", listener->local_port());

        auto [asked, to_end] = ramie::watch(0);
        ramie::spawn_blocking([&signals, ask = std::move(asked)](std::stop_token stop) mutable {
            (void)ask.send(next_signal(stop, signals));
        }).detach();

        ramie::join_set<void> open;
        bool accepting = true;
        auto const serve_it = [&](std::expected<ramie::tcp_stream, std::error_code> client) {
            if (client) open.spawn([c = std::move(*client), to_end]() mutable { serve(std::move(c), to_end); });
            else accepting = false;
        };
        while (accepting) {
            // A connection that comes with the signal is not accepted and lost: only the winner takes effect.
            ramie::select(ramie::on_accept(*listener, serve_it),
                          ramie::on_changed(to_end, [&](bool) { accepting = false; }));
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
