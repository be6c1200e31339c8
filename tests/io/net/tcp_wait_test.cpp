// Abort and timeout in every wait, and the end of the runtime.
#include "full_listener.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

using namespace ramie::testing;
using ramie::tcp_listener;
using ramie::tcp_stream;

namespace {

template <class F>
bool times_out(F&& f) {
    return !ramie::timeout(3ms, std::forward<F>(f)).has_value();
}

template <class F>
bool is_aborted_while_parked(F&& f) {
    auto waiting = ramie::spawn(std::forward<F>(f));
    let_others_park();
    auto const end = waiting.abort_and_join();
    return !end.has_value() && end.error().is_cancelled();
}

}  // namespace

TEST_CASE("wait: a timeout or an abort in accept leaves the listener usable") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto const accept = [&] { return listener.accept().has_value(); };
        for (int i = 0; i < 3; ++i) {
            CHECK(times_out(accept));
            CHECK(is_aborted_while_parked(accept));
            auto client = tcp_stream::connect(listener.local_endpoint());
            CHECK(client.has_value());
            CHECK(soon(accept));
        }
    });
}

TEST_CASE("wait: a timeout or an abort in read leaves the stream usable, and loses no byte") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const read = [&] { return text_from(pair.here); };
        for (int i = 0; i < 3; ++i) {
            CHECK(times_out(read));
            CHECK(is_aborted_while_parked(read));
            CHECK(pair.there.write_all("hello").has_value());
            CHECK(soon(read) == "hello");
        }
        std::string all(10, '\0');
        std::size_t done = 0;
        CHECK(pair.there.write_all("12345").has_value());
        CHECK(times_out([&] { return pair.here.read_exactly(all, done); }));
        CHECK(done == 5);
        CHECK(pair.there.write_all("67890").has_value());
        CHECK(soon([&] { return pair.here.read_exactly(std::span(all).subspan(done)); }).value() == 5);
        CHECK(all == "1234567890");
    });
}

TEST_CASE("wait: a timeout or an abort in write leaves the stream usable, and says how far it came") {
    on_each_runtime([] {
        auto pair = connect_pair();
        std::size_t sent = 0;
        for (int i = 0; i < 3; ++i) {
            std::size_t done = 0;
            auto const write = [&] { return pair.here.write_all(too_much(), done).has_value(); };
            CHECK(times_out(write));
            sent += done;
            CHECK(is_aborted_while_parked(write));
            sent += done;
        }
        CHECK(sent > 0);
        CHECK(pair.here.shutdown_write().has_value());
        std::size_t received = 0;
        std::vector<std::byte> part(1'000'000);
        while (auto const n = soon([&] { return pair.there.read(part).value(); })) received += n;
        CHECK(received == sent);
    });
}

TEST_CASE("wait: a timeout or an abort in connect leaves no descriptor behind") {
    on_each_runtime([] {
        full_listener full;
        auto const before = open_descriptors();
        auto const connect = [&] { return tcp_stream::connect(full.listener.local_endpoint()).has_value(); };
        CHECK(times_out(connect));
        CHECK(is_aborted_while_parked(connect));
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("wait: an abort is noticed by an operation that need not wait") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        CHECK(pair.there.write_all("ready").has_value());
        auto reading = ramie::spawn([&] {
            for (;;) CHECK(pair.here.write("x").has_value());
        });
        CHECK(reading.abort_and_join().error().is_cancelled());
        CHECK(text_from(pair.here) == "ready");
    });
}

TEST_CASE("wait: a result that is there wins over a deadline that has passed") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        CHECK(pair.there.write_all("here").has_value());
        CHECK(ramie::timeout(0s, [&] { return text_from(pair.here); }).value() == "here");
    });
}

TEST_CASE("wait: a deadline earlier than the one the driver sleeps for") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto slow = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
        auto slower_read = ramie::spawn([&] { return ramie::timeout(2h, [&] { return text_from(pair.here); }).has_value(); });
        let_others_park();
        CHECK(times_out([&] { return text_from(pair.there); }));
        CHECK(slow.abort_and_join().error().is_cancelled());
        CHECK(slower_read.abort_and_join().error().is_cancelled());
    });
}

TEST_CASE("wait: the end of the runtime ends accepts, reads and writes that go on for ever") {
    auto const before = open_descriptors();
    for (unsigned const workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        std::atomic<int> begun{0}, ended{0};
        struct count {
            std::atomic<int>& end;
            count(std::atomic<int>& b, std::atomic<int>& e) : end(e) { ++b; }
            ~count() { ++end; }
        };
        rt.block_on([&] {
            for (int i = 0; i < 10; ++i) {
                ramie::spawn([&] {
                    count const mine(begun, ended);
                    auto listener = listener_on_loopback();
                    (void)listener.accept();
                }).detach();
                ramie::spawn([&] {
                    count const mine(begun, ended);
                    auto pair = connect_pair();
                    auto writing = ramie::spawn([&] {
                        (void)pair.here.write_all(too_much());
                    });
                    try {
                        (void)text_from(pair.here);
                    } catch (...) {
                        ramie::abort_shield const whole;
                        (void)writing.abort_and_join();
                        throw;
                    }
                }).detach();
            }
            while (begun < 20) let_others_park();
            let_others_park();
        });
        CHECK(rt.shutdown(20s).empty());
        CHECK(ended == 20);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("wait: sockets may outlive their runtime; they can be closed, but not waited on") {
    auto const before = open_descriptors();
    {
        std::optional<tcp_listener> listener;
        std::optional<connected_pair> pair;
        ramie::run({.workers = 2}, [&] {
            listener.emplace(listener_on_loopback());
            pair.emplace(connect_pair());
            CHECK(pair->there.write_all("left over").has_value());
        });
        CHECK(text_from(pair->here) == "left over");
        std::byte b[8];
        CHECK(error_in(pair->here.read(b)) == std::errc::operation_canceled);
        CHECK(error_in(listener->accept()) == std::errc::operation_canceled);
        pair->here.close();
        CHECK(error_in(pair->here.read(b)) == std::errc::bad_file_descriptor);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("wait: several runtimes at once, and sockets of one used in another") {
    ramie::runtime one({.workers = 2}), two({.workers = 1});
    auto listener = one.block_on([] { return listener_on_loopback(); });
    auto server = two.spawn([&] {
        auto client = listener.accept().value();  // watched by `one`, waited for in `two`
        auto const text = text_from(client);
        CHECK(client.write_all(text).has_value());
    });
    auto const answer = one.block_on([&] {
        auto stream = tcp_stream::connect(listener.local_endpoint()).value();
        CHECK(stream.write_all("across").has_value());
        return soon([&] { return text_from(stream); });
    });
    CHECK(answer == "across");
    server.get();
}

TEST_CASE("wait: runtimes come and go, each with sockets of its own") {
    auto const before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        std::vector<std::jthread> threads;
        for (int n = 0; n < 3; ++n) {
            threads.emplace_back([] {
                ramie::run({.workers = 2}, [] {
                    auto pair = connect_pair();
                    auto echo = ramie::spawn([&] { return text_from(pair.there); });
                    CHECK(pair.here.write_all("x").has_value());
                    CHECK(echo.get() == "x");
                });
            });
        }
    }
    CHECK(open_descriptors() == before);
}
