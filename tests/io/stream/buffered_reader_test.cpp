// Lines, pieces and bytes out of a stream that comes in arbitrary pieces; bytes that were read are never lost.
#include "scripted_stream.hpp"
#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/spawn.hpp>

#include <random>

using namespace ramie::testing;
using ramie::buffered_reader;
using ramie::stream_errc;

namespace {

std::vector<std::string> all_lines(auto& in) {
    std::vector<std::string> lines;
    for (std::string line; in.read_line(line).value();) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("buffered_reader: lines end with \\n or \\r\\n, wherever the stream is cut") {
    std::string const text = "one\ntwo\r\n\n\r\nwith \r inside\nlast";
    std::vector<std::string> const lines{"one", "two", "", "", "with \r inside", "last"};
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        CAPTURE(cut);
        scripted_source source;
        for (std::size_t at = 0; at < text.size(); at += cut) source.pieces.push_back(text.substr(at, cut));
        buffered_reader in(source, 4);
        CHECK(all_lines(in) == lines);
        std::string line = "as it was";
        CHECK(in.read_line(line).value() == false);
    }
}

TEST_CASE("buffered_reader: a text that ends with a line's end has no empty line after it") {
    buffered_reader in(scripted_source{{"a\n"}});
    CHECK(all_lines(in) == std::vector<std::string>{"a"});
    buffered_reader empty(scripted_source{});
    CHECK(all_lines(empty).empty());
}

TEST_CASE("buffered_reader: a line that is too long is an error and loses nothing") {
    buffered_reader in(scripted_source{{"0123", "456789\nnext\n"}}, 4);
    std::string line = "as it was";
    CHECK(error_in(in.read_line(line, 8)) == stream_errc::too_long);
    CHECK(line == "as it was");
    CHECK(error_in(in.read_line(line, 10)) == stream_errc::too_long);  // the end counts
    CHECK(in.read_line(line, 11).value());
    CHECK(line == "0123456789");
    CHECK(in.read_line(line, 5).value());
    CHECK(line == "next");
}

TEST_CASE("buffered_reader: the limit is exact, also when more is in the buffer already") {
    buffered_reader in(scripted_source{{"abc\ndef"}});
    std::string line;
    CHECK(error_in(in.read_line(line, 3)) == stream_errc::too_long);
    CHECK(in.read_line(line, 4).value());
    CHECK(error_in(in.read_line(line, 2)) == stream_errc::too_long);
    CHECK(error_in(in.read_line(line, 3)) == stream_errc::too_long);  // unknown whether it ends there
    CHECK(in.read_line(line, 4).value());
    CHECK(line == "def");
}

TEST_CASE("buffered_reader: read_until keeps the delimiter, and the last piece has none") {
    buffered_reader in(scripted_source{{"a;b", "b;", ";tail"}});
    std::vector<std::string> pieces;
    for (std::string piece; in.read_until(';', piece).value();) pieces.push_back(piece);
    CHECK(pieces == std::vector<std::string>{"a;", "bb;", ";", "tail"});
}

TEST_CASE("buffered_reader: peek looks ahead and takes nothing") {
    buffered_reader in(scripted_source{{"ab", "cd", "ef"}}, 2);
    CHECK(in.buffer().empty());
    CHECK(text_of(in.peek(1).value()) == "ab");
    CHECK(text_of(in.peek(5).value()).starts_with("abcde"));
    CHECK(text_of(in.peek(100).value()) == "abcdef");
    in.consume(4);
    CHECK(text_of(in.buffer()) == "ef");
    CHECK_THROWS_AS(in.consume(3), std::out_of_range);
    in.consume(2);
    CHECK(in.fill_buf().value().empty());
}

TEST_CASE("buffered_reader: a large read goes past the buffer, small ones share a read of the source") {
    scripted_source source{{"0123456789", "abcdefghij"}};
    buffered_reader in(source, 8);
    std::string large(10, '\0'), small(2, '\0');
    CHECK(in.read(large).value() == 10);
    CHECK(large == "0123456789");
    CHECK(in.buffer().empty());
    for (auto const* expected : {"ab", "cd", "ef", "gh"}) {
        CHECK(in.read(small).value() == 2);
        CHECK(small == expected);
    }
    CHECK(source.reads == 2);
    CHECK(in.read(std::span<std::byte>()).value() == 0);
    CHECK(source.reads == 2);
}

TEST_CASE("buffered_reader: read_exactly takes from the buffer first, and says how far it came") {
    buffered_reader in(scripted_source{{"abc", "defg"}}, 4);
    CHECK(in.fill_buf().has_value());
    std::string five(5, '\0');
    CHECK(in.read_exactly(five).value() == 5);
    CHECK(five == "abcde");
    std::size_t done = 0;
    auto const end = in.read_exactly(five, done);
    CHECK(error_in(end).code == stream_errc::unexpected_end);
    CHECK(error_in(end).done == 2);
    CHECK(done == 2);
}

TEST_CASE("buffered_reader: read_to_end appends; the limit leaves the rest in the buffer") {
    buffered_reader in(scripted_source{{"abc", "def", "gh"}}, 4);
    std::string text = "> ";
    auto const end = in.read_to_end(text, 4);
    CHECK(error_in(end).code == stream_errc::too_long);
    CHECK(error_in(end).done == 4);
    CHECK(text == "> abcd");
    CHECK(in.read_to_end(text).value() == 4);
    CHECK(text == "> abcdefgh");
    buffered_reader exact(scripted_source{{"abcd"}});
    text.clear();
    CHECK(exact.read_to_end(text, 4).value() == 4);
}

TEST_CASE("buffered_reader: an error of the source comes when what was before it is used up") {
    auto const reset = std::make_error_code(std::errc::connection_reset);
    buffered_reader in(scripted_source{{"line\nrest"}, reset});
    std::string line;
    CHECK(in.read_line(line).value());
    CHECK(error_in(in.read_line(line)) == reset);
    CHECK(text_of(in.buffer()) == "rest");
    std::string all;
    auto const end = in.read_to_end(all);
    CHECK(error_in(end).code == reset);
    CHECK(error_in(end).done == 4);
    CHECK(all == "rest");
}

TEST_CASE("buffered_reader: an exception out of the source loses nothing") {
    scripted_source source{{"ab", "cd\n"}};
    struct stopped {};
    source.before_read = [&] {
        if (source.reads == 2) throw stopped();
    };
    buffered_reader in(source, 2);
    std::string line;
    CHECK_THROWS_AS((void)in.read_line(line), stopped);
    CHECK(in.read_line(line).value());
    CHECK(line == "abcd");
}

TEST_CASE("buffered_reader: any mixture of calls gives the bytes in order") {
    std::mt19937 chance(42);
    auto const below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(chance); };
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (auto n = below(2000); n > 0; --n) text += static_cast<char>(below(12) == 0 ? '\n' : 'a' + below(26));
        scripted_source source;
        for (std::size_t at = 0; at < text.size();) {
            auto const count = 1 + below(60);
            source.pieces.push_back(text.substr(at, count));
            at += count;
        }
        buffered_reader in(source, 1 + below(50));
        std::string got, piece;
        for (bool more = true; more;) {
            switch (below(4)) {
            case 0:
                if (auto const found = in.read_until('\n', piece, 1 + below(100)); found) {
                    more = *found;
                    if (more) got += piece;
                } else {
                    CHECK(found.error() == stream_errc::too_long);
                }
                break;
            case 1:
                piece.assign(1 + below(80), '\0');
                piece.resize(in.read(piece).value());
                got += piece;
                more = !piece.empty();
                break;
            case 2: (void)in.peek(below(70)).value(); break;
            default:
                auto const there = text_of(in.buffer());
                auto const count = there.empty() ? 0 : below(there.size() + 1);
                got += there.substr(0, count);
                in.consume(count);
            }
        }
        REQUIRE(got == text);
    }
}

TEST_CASE("buffered_reader: a timeout or an abort in the middle of a line loses no byte of it") {
    on_each_runtime([] {
        auto pair = connect_pair();
        buffered_reader in(pair.here);
        std::string line;
        for (int i = 0; i < 3; ++i) {
            CHECK(pair.there.write_all("half of").has_value());
            CHECK(!ramie::timeout(3ms, [&] { return in.read_line(line); }).has_value());
            auto waiting = ramie::spawn([&] { return in.read_line(line); });
            let_others_park();
            CHECK(waiting.abort_and_join().error().is_cancelled());
            CHECK(pair.there.write_all(" a line\n").has_value());
            CHECK(soon([&] { return in.read_line(line).value(); }));
            CHECK(line == "half of a line");
        }
    });
}

TEST_CASE("buffered_reader: one that owns its stream closes it") {
    on_each_runtime([] {
        auto pair = connect_pair();
        {
            buffered_reader in(std::move(pair.here));
            CHECK(in.source().native_handle() >= 0);
            auto moved = std::move(in);
            CHECK(pair.there.write_all("x\n").has_value());
            std::string line;
            CHECK(soon([&] { return moved.read_line(line).value(); }));
        }
        CHECK(soon([&] { return all_text_from(pair.there); }).empty());
    });
}

TEST_CASE("buffered_reader: a capacity of 0 is refused") {
    CHECK_THROWS_AS(buffered_reader(scripted_source{}, 0), std::invalid_argument);
}
