// TLS and waiting: aborts, deadlines and close() at every place where a call may wait, and slow peers.
#include "peers.hpp"

#include <ramie/notify.hpp>
#include <ramie/select.hpp>

#include <atomic>
#include <memory>
#include <vector>

using namespace ramie::testing;
using ramie::tls_errc;
using ramie::tls_stream;

namespace {

// At its n-th use of the wire the user is aborted: while it waits there, before any byte has been transferred; or after
// the transfer, so that the abort is found a moment later. From then on the wire works normally.
struct halt {
    std::size_t at;
    bool when_done;
    std::atomic<std::size_t> calls{0};
    ramie::notify reached{};

    template <class Use>
    auto around(Use&& use) {
        bool const mine = calls++ == at;
        if (mine && !when_done) {
            reached.notify_one();
            ramie::this_fiber::sleep_for(1h);
        }
        auto result = use();
        if (mine && when_done) {
            ramie::abort_shield const not_here;
            reached.notify_one();
            while (!ramie::this_fiber::stop_token().stop_requested()) ramie::this_fiber::sleep_for(100us);
        }
        return result;
    }
};

class halting_stream {
  public:
    halting_stream(ramie::tcp_stream over, halt& where) : over_(std::move(over)), where_(&where) {}
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        return where_->around([&] { return over_.read(into); });
    }
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        return where_->around([&] { return over_.write(from); });
    }
    void close() noexcept { over_.close(); }

  private:
    ramie::tcp_stream over_;
    halt* where_;
};

// Adds the number of bytes done to a sum, also when an abort comes through.
struct noted {
    std::size_t& sum;
    std::size_t done = 0;
    ~noted() { sum += done; }
};

// Sends the request, reads the answer; can be continued where it was aborted.
struct exchange {
    std::string const request = std::string(40'000, 'q');
    std::string answer = std::string(40'000, '?');
    std::size_t asked = 0, answered = 0;

    // No CHECK around a call that may throw an abort, because CHECK would swallow it.
    void go_on(tls_stream& with) {
        bool fine = false;
        {
            noted now{asked};
            fine = with.write_all(std::string_view(request).substr(asked), now.done).has_value();
        }
        CHECK(fine);
        {
            noted now{answered};
            fine = with.read_exactly(std::span(answer).subspan(answered), now.done).has_value();
        }
        CHECK(fine);
    }
};

void echo_once(tls_stream& s, std::size_t size) {
    std::string text(size, '\0');
    CHECK(s.read_exactly(text).has_value());
    CHECK(s.write_all(text).has_value());
}

}  // namespace

namespace {

// One exchange in which the client (or the server) is aborted at its n-th use of the wire and then continued. False:
// the exchange was over before.
bool abort_at(std::size_t n, bool when_done, bool at_server) {
    halt where{n, when_done};
    auto [here, there] = connect_pair();
    halting_stream wire(std::move(here), where);
    auto mine = at_server ? tls_stream::server(std::move(wire), server_config()).value()
                          : tls_stream::client(std::move(wire), "localhost", client_config()).value();
    auto theirs = at_server ? tls_stream::client(std::move(there), "localhost", client_config()).value()
                            : tls_stream::server(std::move(there), server_config()).value();
    exchange all;
    auto peer = ramie::spawn([&] { echo_once(theirs, all.request.size()); });
    auto victim = ramie::spawn([&] {
        all.go_on(mine);
        where.reached.notify_one();
    });
    soon([&] { where.reached.wait(); });
    auto const end = soon([&] { return victim.abort_and_join(); });
    soon([&] { all.go_on(mine); });
    // Not CAPTURE, because that belongs to the thread.
    CHECK_MESSAGE(all.answer == all.request, "aborted at ", n, at_server ? ", server" : ", client");
    soon([&] { peer.get(); });
    return !end.has_value();
}

}  // namespace

TEST_CASE("tls wait: aborted at any use of the wire, either side can go on where it was") {
    on_each_runtime([] {
        for (bool const at_server : {false, true}) {
            for (bool const when_done : {false, true}) {
                std::size_t n = 0;
                while (abort_at(n, when_done, at_server)) ++n;
                CHECK(n > 5);
            }
        }
    });
}

TEST_CASE("tls wait: a deadline ends a read, a write and a handshake, and all can be taken up again") {
    on_each_runtime([] {
        auto p = tls_friends();
        char b[8];
        CHECK_FALSE(ramie::timeout(1ms, [&] { return p.client.read(b); }).has_value());
        CHECK(p.server.write_all("late").has_value());
        CHECK(text_from(p.client) == "late");

        std::size_t done = 0;
        CHECK_FALSE(ramie::timeout(20ms, [&] { return p.client.write_all(too_much(), done); }).has_value());
        CHECK(done > 0);
        CHECK(done < too_much().size());
        auto reader = ramie::spawn([&] {
            std::vector<std::byte> all(done);
            CHECK(p.server.read_exactly(all).has_value());
        });
        CHECK(soon([&] { return p.client.write_all(""); }).has_value());  // sends the rest of the aborted write
        soon([&] { reader.get(); });

        auto s = tls_strangers();
        CHECK_FALSE(ramie::timeout(1ms, [&] { return s.client.handshake(); }).has_value());
        auto const ends = shake_hands(s);
        CHECK(!ends.client);
        CHECK(!ends.server);
    });
}

TEST_CASE("tls wait: close() ends all that wait, and what begins later") {
    on_each_runtime([] {
        auto p = tls_friends();
        auto reader = ramie::spawn([&] {
            char b[8];
            return error_in(p.client.read(b));
        });
        auto writer = ramie::spawn([&] { return error_in(p.client.write_all(too_much())).code; });
        auto second_writer = ramie::spawn([&] { return error_in(p.client.write_all(too_much())).code; });
        let_others_park();
        p.client.close();
        auto const ended = [](std::error_code e) {
            return e == std::errc::operation_canceled || e == std::errc::bad_file_descriptor;
        };
        CHECK(ended(soon([&] { return reader.get(); })));
        CHECK(ended(soon([&] { return writer.get(); })));
        CHECK(ended(soon([&] { return second_writer.get(); })));
        char b[8];
        CHECK(error_in(p.client.read(b)) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.write("x")) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.shutdown()) == std::errc::bad_file_descriptor);
        p.client.close();

        auto s = tls_strangers();
        auto shaker = ramie::spawn([&] { return error_in(s.client.handshake()); });
        let_others_park();
        CHECK(error_in(s.server.shutdown()) == std::errc::not_connected);
        s.client.close();
        CHECK(ended(soon([&] { return shaker.get(); })));
    });
}

TEST_CASE("tls wait: a handshake that takes too long fails for both sides, once and for all") {
    on_each_runtime([] {
        auto const impatient =
            ramie::tls_server_config::make({.identity = server_identity().identity(), .handshake_timeout = 5ms})
                .value();
        raw_pair raw;
        auto server = tls_stream::server(std::move(raw.stream), impatient).value();
        CHECK(error_in(soon([&] { return server.handshake(); })) == std::errc::timed_out);
        CHECK(error_in(server.handshake()) == std::errc::timed_out);
        char b[1];
        CHECK(::recv(raw.peer.fd(), b, 1, 0) == 0);  // the peer sees the end, and does not wait either
    });
}

TEST_CASE("tls wait: an outer deadline that passes in a handshake is no handshake_timeout") {
    ramie::run([] {
        auto p = tls_strangers();
        CHECK_FALSE(ramie::timeout(1ms, [&] { return p.server.handshake(); }).has_value());
        CHECK(!shake_hands(p).server);
    });
}

TEST_CASE("tls wait: clients that say nothing keep no others waiting") {
    on_each_runtime([] {
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        std::vector<std::unique_ptr<raw_peer>> silent;
        for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<raw_peer>(listener.local_endpoint()));
        auto acceptor = ramie::spawn([&] {
            std::vector<ramie::join_handle<void>> all;
            for (auto each = listener.accept(); each; each = listener.accept())
                all.push_back(ramie::spawn([s = std::move(*each)]() mutable {
                    if (s.handshake()) CHECK(s.write_all("welcome").has_value());
                }));
            for (auto& each : all) each.get();
        });
        auto client =
            soon([&] { return tls_stream::connect("localhost", listener.local_port(), client_config()); }).value();
        CHECK(soon([&] { return text_from(client); }) == "welcome");
        listener.close();
        silent.clear();
        soon([&] { acceptor.get(); });
    });
}

TEST_CASE("tls wait: a listener is closed during an accept") {
    on_each_runtime([] {
        auto listener = ramie::tls_listener::bind(ramie::endpoint::loopback_v4(0), server_config()).value();
        auto acceptor = ramie::spawn([&] { return error_in(listener.accept()); });
        let_others_park();
        listener.close();
        CHECK(soon([&] { return acceptor.get(); }).default_error_condition().value() != 0);
        CHECK(error_in(listener.accept()) == std::errc::bad_file_descriptor);
        CHECK(error_in(ramie::tls_listener::bind("256.0.0.1", 0, server_config())).value() != 0);
    });
}
