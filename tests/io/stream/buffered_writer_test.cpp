// When bytes are written, and that bytes taken are either written or still in the buffer.
#include "scripted_stream.hpp"
#include "sockets.hpp"

#include <ramie/buffered_writer.hpp>
#include <ramie/spawn.hpp>

#include <random>

using namespace ramie::testing;
using ramie::buffered_writer;

TEST_CASE("buffered_writer: small writes wait in the buffer until it is full or flushed") {
    scripted_sink sink;
    buffered_writer out(sink, 8);
    CHECK(out.write_all("abc").value() == 3);
    CHECK(out.write_all("def").value() == 3);
    CHECK(sink.writes == 0);
    CHECK(text_of(out.buffer()) == "abcdef");
    CHECK(out.write_all("ghijk").value() == 5);
    CHECK(sink.text == "abcdefgh");
    CHECK(text_of(out.buffer()) == "ijk");
    CHECK(out.flush().has_value());
    CHECK(sink.text == "abcdefghijk");
    CHECK(sink.writes == 2);
    CHECK(out.flush().has_value());
    CHECK(sink.writes == 2);
}

TEST_CASE("buffered_writer: a large write goes past an empty buffer") {
    scripted_sink sink;
    buffered_writer out(sink, 4);
    CHECK(out.write("0123456789").value() == 10);
    CHECK(sink.writes == 1);
    CHECK(out.buffer().empty());
    CHECK(out.write("").value() == 0);
}

TEST_CASE("buffered_writer: destroying it writes nothing") {
    scripted_sink sink;
    { CHECK(buffered_writer(sink).write("lost").value() == 4); }
    CHECK(sink.text.empty());
}

TEST_CASE("buffered_writer: an error leaves what was not written in the buffer") {
    scripted_sink sink;
    buffered_writer out(sink, 8);
    CHECK(out.write_all("abcdef").has_value());
    sink.error = std::make_error_code(std::errc::no_space_on_device);
    CHECK(error_in(out.flush()) == sink.error);
    std::size_t done = 0;
    CHECK(error_in(out.write_all("0123", done)).code == sink.error);
    CHECK(done == 2);  // taken, not lost
    CHECK(text_of(out.buffer()) == "abcdef01");
    sink.error = {};
    CHECK(out.flush().has_value());
    CHECK(sink.text == "abcdef01");
}

TEST_CASE("buffered_writer: a sink that takes nothing is an error, not an endless loop") {
    scripted_sink sink{.most = 0};
    buffered_writer out(sink);
    CHECK(out.write("x").has_value());
    CHECK(error_in(out.flush()) == std::errc::io_error);
    CHECK(error_in(ramie::write_all(sink, "x")).code == std::errc::io_error);
}

TEST_CASE("buffered_writer: any mixture of writes and flushes comes out in order") {
    std::mt19937 chance(7);
    auto const below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(chance); };
    for (int round = 0; round < 300; ++round) {
        scripted_sink sink{.most = 1 + below(40)};
        buffered_writer out(sink, 1 + below(50));
        std::string all;
        for (int i = 0; i < 50; ++i) {
            std::string const piece(below(80), static_cast<char>('a' + i % 26));
            all += piece;
            CHECK(out.write_all(piece).value() == piece.size());
            if (below(5) == 0) CHECK(out.flush().has_value());
        }
        CHECK(out.flush().has_value());
        REQUIRE(sink.text == all);
    }
}

TEST_CASE("buffered_writer: a timeout or an abort in flush keeps what is not written yet") {
    on_each_runtime([] {
        auto pair = connect_pair();
        std::size_t const size = 16 * 1024 * 1024;  // more than the sockets hold
        buffered_writer out(pair.here, size);
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 / 3);
        CHECK(out.write_all(std::string_view(text).substr(0, size - 1)).has_value());
        CHECK(!ramie::timeout(3ms, [&] { return out.flush(); }).has_value());
        auto waiting = ramie::spawn([&] { return out.flush(); });
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        CHECK(!out.buffer().empty());
        CHECK(out.write_all(std::string_view(text).substr(size - 1)).has_value());
        auto rest = ramie::spawn([&] {
            CHECK(out.flush().has_value());
            CHECK(pair.here.shutdown_write().has_value());
        });
        CHECK(soon([&] { return all_text_from(pair.there); }) == text);
        CHECK(rest.join().has_value());
    });
}

TEST_CASE("buffered_writer: a capacity of 0 is refused") {
    CHECK_THROWS_AS(buffered_writer(scripted_sink{}, 0), std::invalid_argument);
}
