// proxy PORT [HOST:]TARGET: passes every connection to PORT on to the target, both ways, until Ctrl-C.
#include "support/limits.hpp"

#include <ramie/ramie.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace {

constexpr auto connect_limit = 10s;

struct target {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
};

bool read_port(std::string_view text, std::uint16_t& port) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size();
}

void pass_on(ramie::limited_stream<ramie::tcp_stream> client, target const& to) {
    auto server = ramie::timeout(connect_limit, [&] { return ramie::tcp_stream::connect(to.host, to.port); });
    if (!server || !*server) {
        std::printf("no connection to the target: %s\n", server ? server->error().message().c_str() : "too slow");
        return;
    }
    // The end of one side is passed on to the other, which may still answer. Both are closed when this returns.
    // Neither moves for long: the client is idle, and that is the end.
    auto const copied = ramie::copy_bidirectional(client, **server);
    if (copied) std::printf("%zu bytes up, %zu down\n", copied->a_to_b, copied->b_to_a);
    else std::printf("%s: %s\n", copied.error().where == ramie::stream_of_two::a ? "client" : "target",
                     copied.error().message().c_str());
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    target to;
    std::string_view last = argc == 3 ? argv[2] : "";
    if (auto const colon = last.rfind(':'); colon != last.npos) {
        to.host = last.substr(0, colon);
        last.remove_prefix(colon + 1);
    }
    if (argc != 3 || !read_port(argv[1], port) || !read_port(last, to.port)) {
        std::fprintf(stderr, "usage: %s PORT [HOST:]TARGET   (ports 0 to 65535; PORT 0 picks a free one)\n", argv[0]);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line at once, also into a pipe
    return ramie::run([&] {
        ramie::signals end_requests{SIGINT, SIGTERM};
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) {
            std::fprintf(stderr, "cannot listen on port %u: %s\n", port, listener.error().message().c_str());
            return 1;
        }
        std::printf("listening on 127.0.0.1:%u\n", listener->local_port());

        ramie::client_gate gate(sample_limits<ramie::client_limits>());
        bool over = false;
        while (!over) {
            ramie::select(ramie::on_accept(*listener,
                                           [&](std::expected<ramie::tcp_stream, std::error_code> client) {
                                               if (!client)
                                                   over = true;
                                               else if (auto admitted = gate.admit(std::move(*client)))
                                                   ramie::spawn(pass_on, std::move(*admitted), to).detach();
                                           }),
                          ramie::on_signal(end_requests, [&](int) { over = true; }));
        }
        return 0;  // what is still being passed on is aborted
    });
}
