#include "servers.hpp"

#include "support/self_signed.hpp"

#include <ramie/client_limits.hpp>
#include <ramie/join_set.hpp>
#include <ramie/scope.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>
#include <ramie/tls.hpp>

#include <array>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace ramie::soak {

namespace {

client_limits const limits{.connections = 64, .idle = 500ms};

void announce_end(tcp_stream& s) { (void)s.shutdown_write(); }
#if RAMIE_WITH_TLS
void announce_end(tls_stream& s) { (void)s.shutdown(); }
#endif

template <class Stream>
void serve(limited_stream<Stream> client) {
    std::array<std::byte, 4096> part;
    for (;;) {
        auto const got = client.read(part);
        if (!got) return;
        if (*got == 0) return announce_end(client.stream());
        if (!client.write_all(std::span(part).first(*got))) return;
    }
}

// Until it is aborted.
template <class Listener>
void serve_all(Listener& listener) {
    client_gate gate(limits);
    scope serving;
    for (;;) {
        auto client = listener.accept();
        must(client.has_value(), "accept");
        if (auto admitted = gate.admit(std::move(*client)))
            serving.spawn([c = std::move(*admitted)]() mutable { serve(std::move(c)); }).detach();
    }
}

// False: the server had too many clients, or the connection was closed.
template <class Stream>
bool exchanges(Stream& s, chance& dice, std::uint64_t messages) {
    for (; messages > 0; --messages) {
        std::string const text(dice.below(20'000) + 1, static_cast<char>('a' + messages % 26));
        std::string back(text.size(), '\0');
        if (!s.write_all(text) || !s.read_exactly(back)) return false;
        must(back == text, "the echo of another text");
        if (dice.one_in(8)) this_fiber::sleep_for(dice.up_to(3ms));
    }
    return true;
}

// Comes, talks, and leaves in one of many ways.
template <class Stream>
void visit(Stream s, chance& dice) {
    switch (dice.below(5)) {
    case 0: return;                                              // at once
    case 1: return (void)s.write_all(std::string(200'000, 'x'));  // reads nothing
    case 2: {
        std::array<char, 1> part;  // says nothing: the server's limit closes it
        return must(!s.read(part).value_or(0), "an answer to nothing");
    }
    default:
        if (!exchanges(s, dice, dice.below(10) + 1)) return;
        if (dice.one_in(2)) return;
        announce_end(s);
        std::array<char, 16> part;
        must(s.read(part).value_or(0) == 0, "more than was said");
    }
}

// A crowd of them, some aborted in the middle of it, some with a timeout around all.
template <class Connect>
void crowd(chance& dice, std::uint64_t most, Connect connect) {
    join_set<void> clients;
    std::vector<abort_handle> handles;
    for (auto n = dice.below(most) + 1; n > 0; --n)
        handles.push_back(clients.spawn([own = chance(dice.next()), connect]() mutable {
            auto const visits = [&] {
                if (auto s = connect(own)) visit(std::move(*s), own);
            };
            if (own.one_in(4)) (void)timeout(own.up_to(10ms), visits);
            else visits();
        }));
    this_fiber::sleep_for(dice.up_to(5ms));
    for (auto const& h : handles)
        if (dice.one_in(4)) h.abort();
    while (auto const end = clients.join_next()) must(*end || end->error().is_cancelled(), "a client failed");
}

std::uint16_t plain_port = 0;

void plain_clients(chance& dice) {
    crowd(dice, 100, [](chance& own) {
        auto s = tcp_stream::connect("localhost", plain_port);
        if (s && own.one_in(4)) (void)s->set_reset_on_close(true);
        return s;
    });
}

#if RAMIE_WITH_TLS
std::uint16_t tls_port = 0;
tls_client_config const* trusting = nullptr;

void tls_clients(chance& dice) {
    crowd(dice, 6, [](chance& own) {
        if (own.one_in(6)) (void)tcp_stream::connect(endpoint::loopback_v4(tls_port)).value().write_all("not what TLS says");
        return tls_stream::connect("localhost", tls_port, *trusting);
    });
}
#endif

}  // namespace

struct servers::parts {
    tcp_listener plain = tcp_listener::bind(endpoint::loopback_v4(0)).value();
    scoped_task<void> serves_plain{spawn([this] { serve_all(plain); })};
#if RAMIE_WITH_TLS
    self_signed self = self_signed::make("localhost");
    tls_client_config trusts = tls_client_config::make({.trusted = pem::text(self.certificate)}).value();
    tls_server_config identity = tls_server_config::make({.identity = {pem::text(self.certificate), pem::text(self.key)}}).value();
    tls_listener secret = tls_listener::bind(endpoint::loopback_v4(0), identity).value();
    scoped_task<void> serves_secret{spawn([this] { serve_all(secret); })};
#endif
};

servers::servers() : parts_(std::make_unique<parts>()) {
    plain_port = parts_->plain.local_port();
#if RAMIE_WITH_TLS
    tls_port = parts_->secret.local_port();
    trusting = &parts_->trusts;
#endif
}

servers::~servers() = default;

std::vector<load> servers::clients() {
    return {
        {"clients", plain_clients, 50ms},
#if RAMIE_WITH_TLS
        {"TLS clients", tls_clients, 100ms},
#endif
    };
}

}  // namespace ramie::soak
