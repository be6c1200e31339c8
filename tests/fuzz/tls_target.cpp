#include "target.hpp"

#include "../../samples/support/self_signed.hpp"

#include <ramie/simulate.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/timeout.hpp>
#include <ramie/tls.hpp>

#include <array>
#include <chrono>
#include <string>

namespace ramie::fuzz {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view question = "a question, and what belongs to it", answer = "the answer";

struct both_configs {
    self_signed const made = self_signed::make("server");
    tls_server_config const server =
        tls_server_config::make({.identity = {pem::text(made.certificate), pem::text(made.key)}}).value();
    tls_client_config const client = tls_client_config::make({.trusted = pem::text(made.certificate), .resume = false}).value();
};

// All that came, up to the end or an error, or for a minute: a record that says it is longer than it is waits for its rest.
std::string read_all(tls_stream& from) {
    std::string all;
    std::array<char, 256> part;
    (void)timeout(1min, [&] {
        for (auto got = from.read(std::span(part)); got && *got > 0; got = from.read(std::span(part))) all.append(part.data(), *got);
    });
    return all;
}

// Carries what comes, until the end. Some bytes are changed, left out, or made more; nothing is changed at the end of the orders.
void carry(tcp_stream& from, tcp_stream& to, input orders) {
    std::array<char, 512> room;
    std::size_t left = orders.number() * 4;
    for (;;) {
        auto const got = from.read(std::span(room));
        if (!got || *got == 0) break;
        std::string part(room.data(), *got);
        while (!orders.empty() && left < part.size()) {
            auto const what = orders.number();
            if (what % 4 == 0) part.erase(left, 1);
            else if (what % 4 == 1) part.insert(left, 1, static_cast<char>(what));
            else part[left] = static_cast<char>(static_cast<unsigned char>(part[left]) ^ orders.number());
            left += orders.number() * 4 + 1;
        }
        left -= std::min(left, part.size());
        if (!to.write_all(std::string_view(part))) break;
    }
    (void)to.shutdown_write();
}

}  // namespace

// What is done on the way to the server, and on the way back.
void tls(std::string_view bytes) {
    static both_configs const configs;
    input all(bytes);
    input const there(all.take(all.number())), back(all.rest());
    (void)testing::simulate(1, [&] {
        auto listener = tls_listener::bind(endpoint::any_v4(443), configs.server).value();
        auto between = tcp_listener::bind(endpoint::any_v4(444)).value();
        auto server = spawn([&] {
            auto client = listener.accept();
            if (!client) return;
            auto const heard = read_all(*client);
            require(question.starts_with(heard), "the server hears what was not said");
            if (heard == question && client->write_all(answer)) (void)client->shutdown();
        });
        auto machine = spawn([&] {
            auto client = between.accept();
            auto other = tcp_stream::connect("test", 443);
            if (!client || !other) return;
            auto way_back = spawn([&] { carry(*other, *client, back); });
            carry(*client, *other, there);
            over(way_back);
        });
        {
            auto stream = tls_stream::client(tcp_stream::connect("test", 444).value(), "server", configs.client).value();
            if (stream.write_all(question) && stream.shutdown()) {
                auto const heard = read_all(stream);
                require(answer.starts_with(heard), "the client hears what was not said");
                if (there.empty() && back.empty()) require(heard == answer, "nothing was changed, and it does not hear the answer");
            }
        }
        over(machine);
        over(server);
    });
}

}  // namespace ramie::fuzz
