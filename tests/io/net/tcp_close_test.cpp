// Closing while fibers wait: they return at once, and none gets another socket's descriptor.
#include "chance.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

using namespace ramie::testing;
using ramie::tcp_listener;
using ramie::tcp_stream;

TEST_CASE("close: ten fibers that accept get the error at once") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        std::vector<ramie::join_handle<std::error_code>> waiting;
        for (int i = 0; i < 10; ++i)
            waiting.push_back(ramie::spawn([&] { return error_in(listener.accept()); }));
        let_others_park();
        listener.close();
        for (auto& each : waiting) {
            auto const error = soon([&] { return each.get(); });
            CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        }
        CHECK(error_in(listener.accept()) == std::errc::bad_file_descriptor);
        CHECK(listener.native_handle() == -1);
        CHECK(error_in(tcp_stream::connect(listener.local_endpoint())) == std::errc::connection_refused);
        listener.close();
    });
}

TEST_CASE("close: a fiber that reads and one that writes get the error at once, and the peer the end") {
    on_each_runtime([] {
        auto pair = connect_pair();
        std::size_t done = 0;
        auto reader = ramie::spawn([&] {
            std::byte b[8];
            return error_in(pair.here.read(b));
        });
        auto writer = ramie::spawn([&] { return error_in(pair.here.write_all(too_much(), done)); });
        let_others_park();
        pair.here.close();
        auto const read_error = soon([&] { return reader.get(); });
        auto const write_error = soon([&] { return writer.get(); });
        CHECK((read_error == std::errc::operation_canceled || read_error == std::errc::bad_file_descriptor));
        CHECK((write_error.code == std::errc::operation_canceled ||
               write_error.code == std::errc::bad_file_descriptor));
        CHECK(write_error.done == done);
        CHECK(error_in(pair.here.read(std::span<std::byte>())) == std::errc::bad_file_descriptor);
        std::size_t received = 0;
        std::vector<std::byte> part(100'000);
        for (;;) {
            auto const n = soon([&] { return pair.there.read(part); });
            if (!n || *n == 0) break;
            received += *n;
        }
        CHECK(received == done);
    });
}

TEST_CASE("close: destroying a stream wakes the fibers that wait in it") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto doomed = std::make_unique<tcp_stream>(std::move(pair.here));
        auto& stream = *doomed;
        std::atomic<bool> began{false};
        auto reader = ramie::spawn([&] {
            std::byte b[8];
            began = true;
            return error_in(stream.read(b));
        });
        while (!began) ramie::this_fiber::yield();
        let_others_park();
        let_others_park();
        doomed.reset();
        CHECK(soon([&] { return reader.get(); }) == std::errc::operation_canceled);
    });
}

TEST_CASE("close: the number is used again by another socket, which is waited on again") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        std::optional<int> number;
        for (int i = 0; i < 50; ++i) {
            raw_peer peer(listener.local_endpoint());
            auto stream = listener.accept().value();
            if (number) CHECK(stream.native_handle() == *number);  // the system gives the lowest one
            number = stream.native_handle();
            auto reader = ramie::spawn([&] { return text_from(stream); });
            let_others_park();
            if (i % 2 == 0) {
                peer.send("hello");
                CHECK(soon([&] { return reader.get(); }) == "hello");
            } else {
                stream.close();
                CHECK_THROWS_AS(soon([&] { return reader.get(); }), std::bad_expected_access<std::error_code>);
            }
        }
    });
}

TEST_CASE("close: races with reads, writes and accepts, and every one of them ends") {
    RAMIE_CAPTURE_SEED();
    ramie::run({.workers = 4}, [] {
        chance random(11);
        for (std::size_t i = 0; i < rounds(1000); ++i) {
            auto listener = listener_on_loopback();
            auto client = tcp_stream::connect(listener.local_endpoint()).value();
            auto server = listener.accept().value();
            std::vector<ramie::join_handle<void>> all;
            all.push_back(ramie::spawn([&] { while (server.write("abc")) {} }));
            all.push_back(ramie::spawn([&] {
                std::byte b[64];
                while (server.read(b)) {}
            }));
            all.push_back(ramie::spawn([&] {
                std::byte b[64];
                while (client.read(b)) {}
            }));
            all.push_back(ramie::spawn([&] { while (listener.accept()) {} }));
            ramie::this_fiber::sleep_for(random.up_to(200us));
            all.push_back(ramie::spawn([&] { server.close(); }));
            all.push_back(ramie::spawn([&] { client.close(); }));
            all.push_back(ramie::spawn([&] { listener.close(); }));
            for (auto& each : all) soon([&] { each.get(); return true; });
        }
    });
}
