// Streams: what is received, and how they end.
#include "chance.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

using namespace ramie::testing;
using ramie::tcp_stream;

namespace {

std::vector<std::byte> pattern(std::size_t size, std::uint64_t stream) {
    chance random(stream);
    std::vector<std::byte> bytes(size);
    for (auto& b : bytes) b = static_cast<std::byte>(random.next());
    return bytes;
}

// A small buffer, so that writes are partial. (With a small receive buffer, TCP would wait 200 ms again and again.)
void shrink(tcp_stream& s) {
    int const size = 4096;
    CHECK(::setsockopt(s.native_handle(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
}

}  // namespace

TEST_CASE("stream: data and the end in one packet are both read") {
    on_each_runtime([] {
        for (bool const reader_parks_first : {true, false}) {
            raw_pair p;
            auto reader = ramie::spawn([&] { return all_text_from(p.stream); });
            if (reader_parks_first) let_others_park();
            p.peer.send_and_end("all there is");
            CHECK(soon([&] { return reader.get(); }) == "all there is");
            CHECK(text_from(p.stream) == "");  // the end stays
            CHECK(p.stream.write_all("still open this way").has_value());
        }
    });
}

TEST_CASE("stream: data and the end in one packet, read in pieces") {
    on_each_runtime([] {
        raw_pair p;
        auto reader = ramie::spawn([&] {
            std::string all;
            for (auto part = text_from(p.stream, 5); !part.empty(); part = text_from(p.stream, 5)) all += part + "|";
            return all;
        });
        let_others_park();
        p.peer.send_and_end("twelve bytes");
        CHECK(soon([&] { return reader.get(); }) == "twelv|e byt|es|");
    });
}

TEST_CASE("stream: a peer's reset ends a waiting read with an error, and later ones with the end") {
    on_each_runtime([] {
        raw_pair p;
        auto reader = ramie::spawn([&] {
            std::byte b[8];
            return p.stream.read(b);
        });
        let_others_park();
        p.peer.reset();
        CHECK(error_in(soon([&] { return reader.get(); })) == std::errc::connection_reset);
        std::byte b[8];
        CHECK(soon([&] { return p.stream.read(b); }) == 0u);
        auto const late = soon([&] { return p.stream.write("x"); });
        CHECK(error_in(late) == std::errc::broken_pipe);
    });
}

TEST_CASE("stream: a peer's reset ends a waiting write with an error that says how far it came") {
    on_each_runtime([] {
        raw_pair p;
        auto writer = ramie::spawn([&] { return p.stream.write_all(too_much()); });
        char first;
        while (::recv(p.peer.fd(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) let_others_park();  // some has come
        let_others_park();
        p.peer.reset();
        auto const end = soon([&] { return writer.get(); });
        REQUIRE_FALSE(end.has_value());
        CHECK((end.error().code == std::errc::connection_reset || end.error().code == std::errc::broken_pipe));
        CHECK(end.error().done > 0);
        CHECK(end.error().done < too_much().size());
    });
}

TEST_CASE("stream: writing to a peer that has gone is an error and not a signal") {
    ramie::run({.workers = 1}, [] {
        raw_pair p;
        p.peer.close();
        std::expected<std::size_t, std::error_code> last = 0;
        for (int i = 0; i < 1000 && last; ++i) {
            last = p.stream.write("into the void");
            ramie::this_fiber::sleep_for(100us);
        }
        REQUIRE_FALSE(last.has_value());
        CHECK((error_in(last) == std::errc::broken_pipe || error_in(last) == std::errc::connection_reset));
    });
}

TEST_CASE("stream: read_exactly fills its buffer, or says what is missing") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto writer = ramie::spawn([&] {
            for (auto const* part : {"on", "e two thr", "ee"}) {
                CHECK(pair.there.write_all(part).has_value());
                let_others_park();
            }
            CHECK(pair.there.shutdown_write().has_value());
        });
        std::string text(7, '\0');
        CHECK(pair.here.read_exactly(text).value() == 7);
        CHECK(text == "one two");
        std::vector<std::byte> rest(100);
        std::size_t done = 0;
        auto const end = pair.here.read_exactly(rest, done);
        REQUIRE_FALSE(end.has_value());
        CHECK(end.error().code == ramie::stream_errc::unexpected_end);
        CHECK(end.error().done == 6);
        CHECK(done == 6);
        CHECK(end.error().message() == "the stream ended before all had come");
        writer.get();
    });
}

TEST_CASE("stream: nothing to read or write is done at once") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        CHECK(pair.here.read(std::span<std::byte>()) == 0u);
        CHECK(pair.here.write("") == 0u);
        CHECK(pair.here.read_exactly(std::span<std::byte>()).value() == 0);
        CHECK(pair.here.write_all("").value() == 0);
    });
}

TEST_CASE("stream: megabytes arrive byte for byte, through small buffers, both ways at once") {
    on_each_runtime([] {
        auto pair = connect_pair();
        shrink(pair.here);
        shrink(pair.there);
        auto const size = rounds(4 * 1024 * 1024);
        auto const east = pattern(size, 1), west = pattern(size, 2);
        auto const send = [](tcp_stream& s, std::vector<std::byte> const& what) {
            CHECK(s.write_all(what).value() == what.size());
            CHECK(s.shutdown_write().has_value());
        };
        auto const receive = [](tcp_stream& s, std::uint64_t seed) {
            chance random(seed);
            std::vector<std::byte> all;
            std::vector<std::byte> part(20'000);
            for (;;) {
                auto const n = s.read(std::span(part).first(1 + random.below(part.size()))).value();
                if (n == 0) return all;
                all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
            }
        };
        auto a = ramie::spawn([&] { send(pair.here, east); });
        auto b = ramie::spawn([&] { send(pair.there, west); });
        auto c = ramie::spawn([&] { return receive(pair.there, 3); });
        auto d = ramie::spawn([&] { return receive(pair.here, 4); });
        CHECK(c.get() == east);
        CHECK(d.get() == west);
        a.get();
        b.get();
    });
}

TEST_CASE("stream: two fibers read one socket, and every byte reaches one of them") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const read_some = [&] {
            std::uint64_t sum = 0;
            std::byte part[300];
            for (;;) {
                auto const n = pair.here.read(part).value();
                if (n == 0) return sum;
                for (auto const b : std::span(part).first(n)) sum += std::to_integer<std::uint64_t>(b);
            }
        };
        auto one = ramie::spawn(read_some), two = ramie::spawn(read_some);
        auto const bytes = pattern(rounds(500'000), 5);
        chance random(6);
        for (std::size_t at = 0; at < bytes.size();) {
            auto const n = std::min<std::size_t>(1 + random.below(1000), bytes.size() - at);
            CHECK(pair.there.write_all(std::span(bytes).subspan(at, n)).has_value());
            at += n;
            if (random.one_in(20)) ramie::this_fiber::sleep_for(random.up_to(50us));
        }
        CHECK(pair.there.shutdown_write().has_value());
        auto const sum = std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0},
                                         [](std::uint64_t s, std::byte b) { return s + std::to_integer<std::uint64_t>(b); });
        CHECK(soon([&] { return one.get() + two.get(); }) == sum);
    });
}

TEST_CASE("stream: a request and an answer, many times, each a short read") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto echo = ramie::spawn([&] {
            for (auto text = text_from(pair.there); !text.empty(); text = text_from(pair.there))
                CHECK(pair.there.write_all(text).has_value());
        });
        for (std::size_t i = 0; i < rounds(5000); ++i) {
            auto const request = std::to_string(i);
            CHECK(pair.here.write_all(request).has_value());
            std::string answer(request.size(), '\0');
            CHECK(pair.here.read_exactly(answer).has_value());
            CHECK(answer == request);
        }
        pair.here.close();
        echo.get();
    });
}

TEST_CASE("stream: shutting down reading ends a read that waits") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto reader = ramie::spawn([&] { return text_from(pair.here); });
        let_others_park();
        CHECK(pair.here.shutdown(ramie::shutdown_side::read).has_value());
        CHECK(soon([&] { return reader.get(); }) == "");
        CHECK(pair.here.shutdown(ramie::shutdown_side::both).has_value());
        CHECK(error_in(pair.here.write("x")) == std::errc::broken_pipe);
    });
}

TEST_CASE("stream: a fiber whose reads never wait lets others run") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        std::vector<std::byte> const much(100'000);
        CHECK(pair.there.write_all(much).has_value());
        bool other_ran = false;
        auto other = ramie::spawn([&] { other_ran = true; });
        std::byte b[1];
        std::size_t count = 0;
        while (!other_ran && count < 100'000) {
            CHECK(pair.here.read_exactly(b).has_value());
            ++count;
        }
        CHECK(other_ran);
        CHECK(count <= 200);
        other.get();
    });
}
