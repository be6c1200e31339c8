// TLS streams: what is received, and how they end.
#include "chance.hpp"
#include "peers.hpp"

#include <algorithm>
#include <thread>
#include <vector>

using namespace ramie::testing;
using ramie::tls_errc;
using ramie::tls_stream;

namespace {

std::string pattern(std::size_t size, std::uint64_t stream) {
    chance random(stream);
    std::string bytes(size, '\0');
    for (auto& b : bytes) b = static_cast<char>(random.next());
    return bytes;
}

// Makes the client read all that has come, the server's session tickets too. (A socket that is closed with unread bytes
// ends in a reset.)
void take_greeting(tls_pair& p) {
    CHECK(p.server.write_all("hello").has_value());
    CHECK(text_from(p.client) == "hello");
}

// The wire in small pieces: every record comes and goes in parts.
class crumbling_stream {
  public:
    explicit crumbling_stream(ramie::tcp_stream over) : over_(std::move(over)) {}
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        return over_.read(into.first(next()));
    }
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        return over_.write(from.first(std::min(from.size(), next())));
    }
    void close() noexcept { over_.close(); }

  private:
    std::size_t next() { return 1 + turn_++ % 7; }

    ramie::tcp_stream over_;
    std::atomic<std::size_t> turn_{0};

  public:
    crumbling_stream(crumbling_stream&& other) noexcept : over_(std::move(other.over_)) {}
};

}  // namespace

TEST_CASE("tls: what is written comes out at the other end, both ways") {
    on_each_runtime([] {
        auto p = tls_friends();
        CHECK(p.client.write_all("a question").value() == 10);
        CHECK(text_from(p.server) == "a question");
        CHECK(p.server.write("an answer").value() == 9);
        std::string answer(9, '\0');
        CHECK(p.client.read_exactly(answer).value() == 9);
        CHECK(answer == "an answer");
    });
}

TEST_CASE("tls: the first read or write shakes hands") {
    on_each_runtime([] {
        auto p = tls_strangers();
        auto reader = ramie::spawn([&] { return text_from(p.server); });
        CHECK(p.client.version() == "");
        CHECK(p.client.cipher() == "");
        CHECK(soon([&] { return p.client.write("hello"); }).value() == 5);
        CHECK(soon([&] { return reader.get(); }) == "hello");
        CHECK(p.client.version() == "TLSv1.3");
        CHECK(p.server.cipher().starts_with("TLS_"));
        CHECK(p.server.server_name() == "localhost");
    });
}

TEST_CASE("tls: much in both directions at once, by a reader and a writer on each side") {
    on_each_runtime([] {
        auto p = tls_friends();
        auto const east = pattern(rounds(2'000'000), 1), west = pattern(rounds(2'000'000), 2);
        auto const send = [](tls_stream& s, std::string const& text) {
            CHECK(s.write_all(text).value() == text.size());
            CHECK(s.shutdown().has_value());
        };
        auto a = ramie::spawn([&] { send(p.client, east); });
        auto b = ramie::spawn([&] { send(p.server, west); });
        auto c = ramie::spawn([&] { return all_text_from(p.server); });
        auto d = ramie::spawn([&] { return all_text_from(p.client); });
        CHECK(soon([&] { return c.get(); }) == east);
        CHECK(soon([&] { return d.get(); }) == west);
        a.get();
        b.get();
    });
}

TEST_CASE("tls: many small messages both ways at once: reading and writing steps meet at every moment") {
    ramie::run({.workers = 4}, [] {
        auto p = tls_friends();
        auto const count = rounds(20'000);
        auto const send = [&](tls_stream& s) {
            for (std::size_t i = 0; i < count; ++i) CHECK(s.write("x").has_value());
            CHECK(s.shutdown().has_value());
        };
        auto const receive = [](tls_stream& s) {
            std::size_t sum = 0;
            for (char b[4];;) {
                auto const got = s.read(b);
                if (!got || *got == 0) return got ? sum : 0;
                sum += *got;
            }
        };
        auto a = ramie::spawn([&] { send(p.client); }), b = ramie::spawn([&] { send(p.server); });
        auto c = ramie::spawn([&] { return receive(p.client); }), d = ramie::spawn([&] { return receive(p.server); });
        CHECK(soon([&] { return c.get(); }) == count);
        CHECK(soon([&] { return d.get(); }) == count);
        a.get();
        b.get();
    });
}

TEST_CASE("tls: a reader that waits holds up no writer, and a writer that waits holds up no reader") {
    on_each_runtime([] {
        auto p = tls_friends();
        auto reader = ramie::spawn([&] { return text_from(p.client); });
        let_others_park();
        CHECK(soon([&] { return p.client.write_all("while it reads"); }).has_value());
        CHECK(text_from(p.server) == "while it reads");
        CHECK(p.server.write_all("done").has_value());
        CHECK(soon([&] { return reader.get(); }) == "done");

        auto writer = ramie::spawn([&] { return p.client.write_all(too_much()).has_value(); });
        let_others_park();
        CHECK(p.server.write_all("while it writes").has_value());
        CHECK(soon([&] { return text_from(p.client); }) == "while it writes");
        p.client.close();
        CHECK_FALSE(soon([&] { return writer.get(); }));
    });
}

TEST_CASE("tls: over a wire that carries a few bytes at a time") {
    ramie::run({.workers = 2}, [] {
        auto [here, there] = connect_pair();
        auto client = tls_stream::client(crumbling_stream(std::move(here)), "localhost", client_config()).value();
        auto server = tls_stream::server(crumbling_stream(std::move(there)), server_config()).value();
        auto const text = pattern(100'000, 3);
        auto echo = ramie::spawn([&] {
            auto const all = all_text_from(server);
            CHECK(server.write_all(all).has_value());
            CHECK(server.shutdown().has_value());
        });
        CHECK(client.write_all(text).value() == text.size());
        CHECK(client.shutdown().has_value());
        CHECK(soon([&] { return all_text_from(client); }) == text);
        echo.get();
        CHECK(error_in(client.peer_endpoint()) == std::errc::not_supported);
    });
}

TEST_CASE("tls: a shutdown is the end, for the peer's reads; the other way stays open") {
    on_each_runtime([] {
        auto p = tls_friends();
        CHECK(p.client.write_all("last words").has_value());
        CHECK(p.client.shutdown().has_value());
        CHECK(p.client.shutdown().has_value());  // may be said again
        CHECK(soon([&] { return all_text_from(p.server); }) == "last words");
        CHECK(text_from(p.server) == "");  // the end stays
        CHECK(error_in(p.client.write("more")) == std::errc::broken_pipe);
        CHECK(p.server.write_all("heard").has_value());
        CHECK(soon([&] { return text_from(p.client); }) == "heard");
    });
}

TEST_CASE("tls: a connection that ends without a word is truncated") {
    on_each_runtime([] {
        auto p = tls_friends();
        CHECK(p.client.write_all("half a mess").has_value());
        take_greeting(p);
        p.client.close();
        CHECK(text_from(p.server) == "half a mess");
        char b[8];
        CHECK(error_in(soon([&] { return p.server.read(b); })) == tls_errc::truncated);
        CHECK(error_in(soon([&] { return p.server.read(b); })) == tls_errc::truncated);  // stays so
    });
}

TEST_CASE("tls: the destructor ends the connection without a word, too") {
    ramie::run([] {
        auto p = tls_friends();
        take_greeting(p);
        { auto const gone = std::move(p.client); }
        char b[8];
        CHECK(error_in(soon([&] { return p.server.read(b); })) == tls_errc::truncated);
    });
}

TEST_CASE("tls: read_exactly tells an end that came too early from a truncation") {
    on_each_runtime([] {
        auto p = tls_friends();
        CHECK(p.client.write_all("abc").has_value());
        CHECK(p.client.shutdown().has_value());
        char b[8];
        std::size_t done = 0;
        auto const early = soon([&] { return p.server.read_exactly(b, done); });
        CHECK(error_in(early).code == ramie::stream_errc::unexpected_end);
        CHECK(done == 3);

        CHECK(p.server.write_all("de").has_value());
        p.server.close();
        auto const cut = soon([&] { return p.client.read_exactly(b, done); });
        CHECK(error_in(cut).code == tls_errc::truncated);
        CHECK(error_in(cut).done == 2);
    });
}

TEST_CASE("tls: bytes that were changed on their way are an error, from then on, and for the peer as well") {
    ramie::run([] {
        auto [here, there] = connect_pair();
        auto const raw = here.native_handle();
        auto client = tls_stream::client(std::move(here), "localhost", client_config()).value();
        auto server = tls_stream::server(std::move(there), server_config()).value();
        tls_pair p{std::move(client), std::move(server)};
        CHECK(!shake_hands(p).client);
        std::string const forged("\x17\x03\x03\x00\x20 thirty-two bytes without a key..", 37);
        REQUIRE(::send(raw, forged.data(), forged.size(), MSG_NOSIGNAL) == std::ssize(forged));
        char b[8];
        auto const error = error_in(soon([&] { return p.server.read(b); }));
        CHECK(error.category() == ramie::openssl_category());
        CHECK(error.message() != "");
        CHECK(error_in(p.server.read(b)) == error);
        CHECK(error_in(p.server.write("x")) == error);
        auto const heard = error_in(soon([&] { return p.client.read(b); }));
        CHECK(heard.message().starts_with("the peer gave up: "));
    });
}

TEST_CASE("tls: empty reads and writes do nothing; a stream that was moved from is closed") {
    on_each_runtime([] {
        auto p = tls_friends();
        CHECK(p.client.read(std::span<char>()).value() == 0);
        CHECK(p.client.write("").value() == 0);
        CHECK(p.client.write_all("").value() == 0);
        auto const moved = std::move(p.client);
        char b[8];
        CHECK(error_in(p.client.read(b)) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.write("x")) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.write_all("x")).code == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.shutdown()) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.handshake()) == std::errc::bad_file_descriptor);
        CHECK(error_in(p.client.local_endpoint()) == std::errc::bad_file_descriptor);
        CHECK(p.client.version() == "");
        p.client.close();
        CHECK(moved.local_endpoint().value().port() != 0);
    });
}

TEST_CASE("tls: from plain threads") {
    ramie::runtime rt({.workers = 1});
    auto p = rt.block_on([] { return tls_strangers(); });
    std::thread other([&] {
        CHECK(p.server.write_all("from a thread").has_value());
        CHECK(p.server.shutdown().has_value());
    });
    CHECK(all_text_from(p.client) == "from a thread");
    other.join();
}

TEST_CASE("tls: fibers with little stack left, OpenSSL runs elsewhere") {
    on_each_runtime([] {
        auto p = tls_strangers();
        ramie::task_options const small{.stack_size = 16 * 1024};
        auto client = ramie::spawn(small, [&] {
            CHECK(p.client.write_all("from a small stack").has_value());
            return text_from(p.client, 20);
        });
        auto server = ramie::spawn(small, [&] {
            char text[18];
            CHECK(p.server.read_exactly(text).has_value());
            CHECK(p.server.write_all("to a small stack").has_value());
        });
        CHECK(soon([&] { return client.get(); }) == "to a small stack");
        server.get();
    });
}

TEST_CASE("tls: a hundred connections at once, each with requests and answers") {
    on_each_runtime([] {
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        auto acceptor = ramie::spawn([&] {
            for (auto each = listener.accept(); each; each = listener.accept())
                ramie::spawn([s = std::move(*each)]() mutable {
                    for (auto text = text_from(s); !text.empty(); text = text_from(s))
                        CHECK(s.write_all(text).has_value());
                    CHECK(s.shutdown().has_value());
                }).detach();
        });
        std::vector<ramie::join_handle<void>> clients;
        for (std::size_t i = 0; i < rounds(100); ++i)
            clients.push_back(ramie::spawn([&, i] {
                auto s = tls_stream::connect("localhost", listener.local_port(), client_config()).value();
                for (int turn = 0; turn < 3; ++turn) {
                    auto const request = pattern(i + 1, i);
                    CHECK(s.write_all(request).has_value());
                    std::string answer(request.size(), '\0');
                    CHECK(s.read_exactly(answer).has_value());
                    CHECK(answer == request);
                }
                CHECK(s.shutdown().has_value());
                CHECK(text_from(s) == "");
            }));
        for (auto& each : clients) soon([&] { each.get(); });
        listener.close();
        acceptor.get();
    });
}

TEST_CASE("tls: a fiber whose reads never wait lets others run") {
    ramie::run({.workers = 1}, [] {
        auto p = tls_friends();
        CHECK(p.server.write_all(std::string(16'000, 'x')).has_value());
        char b[1];
        CHECK(p.client.read(b).has_value());  // the whole record is decrypted now
        bool other_ran = false;
        auto other = ramie::spawn([&] { other_ran = true; });
        std::size_t count = 0;
        while (!other_ran && count < 10'000) {
            CHECK(p.client.read(b).has_value());
            ++count;
        }
        CHECK(other_ran);
        CHECK(count <= 200);
        other.get();
    });
}
