// copy_bidirectional and a graceful shutdown, under many seeds and on bad wires.
#include "many_seeds.hpp"

#include <ramie/copy.hpp>
#include <ramie/join_set.hpp>
#include <ramie/random.hpp>
#include <ramie/select.hpp>
#include <ramie/simulated_network.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace std::chrono_literals;
using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_listener;
using ramie::tcp_stream;

namespace {

std::string all_of(tcp_stream& from) {
    std::string all;
    std::array<char, 100> part;
    for (;;) {
        auto const got = from.read(std::span(part));
        must(got.has_value(), "a read failed");
        if (*got == 0) return all;
        all.append(part.data(), *got);
    }
}

// Sends it, ends that direction, and reads to the end of the other.
std::string exchanged(tcp_stream& with, std::string const& text) {
    auto writer = ramie::spawn([&] { must(with.write_all(text) && with.shutdown_write(), "a write failed"); });
    auto back = all_of(with);
    writer.get();
    return back;
}

}  // namespace

TEST_CASE("many seeds: copy_bidirectional carries every byte both ways, and each end by itself") {
    explore(many_seeds(), [] {
        set_network({.lost_one_in = 20});
        ramie::random_source random;
        std::string const question(random.below(3000), 'q'), answer(random.below(3000), 'a');
        auto proxy = tcp_listener::bind(endpoint::any_v4(1)), server = tcp_listener::bind(endpoint::any_v4(2));
        auto between = ramie::spawn([&] {
            auto client = proxy->accept();
            auto onward = tcp_stream::connect(endpoint::loopback_v4(2));
            must(client && onward, "no connection");
            auto const copied = ramie::copy_bidirectional(*client, *onward);
            must(copied.has_value(), "copying failed");
        });
        auto answers = ramie::spawn([&] {
            auto client = server->accept();
            must(exchanged(*client, answer) == question, "the question is not what was sent");
        });
        simulated_node::named("client")
            .spawn([&] {
                auto stream = tcp_stream::connect("test", 1);
                must(stream.has_value(), "no connection");
                must(exchanged(*stream, question) == answer, "the answer is not what was sent");
            })
            .get();
        between.get();
        answers.get();
    });
}

TEST_CASE("many seeds: a graceful shutdown answers all that were accepted, and ends in time") {
    explore(many_seeds(), [] {
        set_network({.lost_one_in = 50});
        auto [ask, to_end] = ramie::watch(false);
        auto listener = tcp_listener::bind(endpoint::any_v4(1));
        int answered = 0, accepted = 0;
        auto server = ramie::spawn([&, stop = to_end]() mutable {
            ramie::join_set<void> open;
            bool goes_on = true;
            while (goes_on) {
                ramie::select(ramie::on_accept(*listener,
                                               [&](auto client) {
                                                   must(client.has_value(), "accepting failed");
                                                   ++accepted;
                                                   open.spawn([c = std::move(*client)]() mutable {
                                                       (void)exchanged(c, "answer");
                                                   });
                                               }),
                              ramie::on_changed(stop, [&](auto&&...) { goes_on = false; }));
            }
            listener->close();
            (void)ramie::timeout(1h, [&] {
                while (open.join_next()) {}
            });
            must(open.size() == 0, "one did not end");
        });
        std::vector<ramie::join_handle<void>> clients;
        for (int i = 0; i < 4; ++i) {
            clients.push_back(simulated_node::named("client").spawn([&] {
                ramie::this_fiber::sleep_for(std::chrono::microseconds(ramie::random_source().below(5000)));
                auto stream = tcp_stream::connect(simulated_node::named("test").address_v4(1));
                if (!stream) return;
                if (!stream->write_all("question") || !stream->shutdown_write()) return;
                std::array<char, 10> part;
                auto const got = stream->read(std::span(part));
                if (got && *got > 0) ++answered;
            }));
        }
        ramie::this_fiber::sleep_for(std::chrono::microseconds(ramie::random_source().below(8000)));
        must(ask.send(true).has_value(), "nobody hears");
        server.get();
        for (auto& each : clients) each.get();
        must(answered == accepted, "one that was accepted got no answer");
    });
}
