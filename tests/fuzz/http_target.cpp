#define main main_of_the_sample
#include "../../samples/ports/http_fibers.cpp"
#undef main

#include "target.hpp"

#include <ramie/simulate.hpp>
#include <ramie/write_all.hpp>

#include <optional>
#include <string>

namespace ramie::fuzz {

namespace {

constexpr std::size_t enough = 100'000;  // of answers

// What the exchange says to all bytes at once.
std::string answers(std::string_view bytes) {
    ::http::exchange exchange;
    std::string all;
    auto const take = [&] {
        for (auto part = exchange.output(); !part.empty() && all.size() < enough; part = exchange.output())
            all.append(reinterpret_cast<char const*>(part.data()), part.size());
    };
    exchange.feed(std::as_bytes(std::span(bytes)));
    for (auto reply = exchange.next(); reply && all.size() < enough; reply = exchange.next()) {
        exchange.answer(*reply);
        take();
    }
    take();
    return all;
}

// What a client gets that sends them piece by piece.
std::string received(std::string_view bytes, input sizes) {
    std::string all;
    (void)testing::simulate(1, [&] {
        auto listener = tcp_listener::bind(endpoint::any_v4(80)).value();
        auto server = spawn([&] {
            client_gate gate(sample_limits<client_limits>(true));
            if (auto client = listener.accept()) serve(*gate.admit(std::move(*client)));
        });
        auto stream = tcp_stream::connect("test", 80).value();
        auto sender = spawn([&, left = input(bytes)]() mutable {
            while (!left.empty()) {
                if (!write_all(stream, left.take(sizes.empty() ? bytes.size() : sizes.number() + 1))) return;
                this_fiber::sleep_for(2ms);  // a packet takes 1 ms at most: each piece is one read
            }
            (void)stream.shutdown_write();
        });
        std::array<char, 4096> part;
        for (auto got = stream.read(std::span(part)); got && *got > 0 && all.size() < enough; got = stream.read(std::span(part)))
            all.append(part.data(), *got);
        stream.close();
        over(sender);
        over(server);
    });
    return all;
}

}  // namespace

// Sizes of pieces, and what is sent. Not the route that computes: it is as slow as it was asked to be.
void http(std::string_view bytes) {
    input all(bytes);
    input const sizes(all.take(8));
    auto const sent = all.rest();
    if (sent.find("cpu") != sent.npos) return;
    auto const at_once = answers(sent), by_pieces = received(sent, sizes);
    auto const both = std::min(at_once.size(), by_pieces.size());
    require(at_once.substr(0, both) == by_pieces.substr(0, both), "the answer depends on how the request was cut");
    require(at_once.empty() || at_once.starts_with("HTTP/1.1 "), "it is no answer");
}

}  // namespace ramie::fuzz
