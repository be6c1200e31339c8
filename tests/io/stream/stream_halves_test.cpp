// A stream in two halves, each with its own owner.
#include "sockets.hpp"

#include <ramie/spawn.hpp>
#include <ramie/stream_halves.hpp>
#include <ramie/unix_stream.hpp>

#include <array>
#include <optional>
#include <stdexcept>
#include <type_traits>

using namespace ramie::testing;
using ramie::tcp_stream;
using ramie::unix_stream;

namespace {

template <class Source>
std::string all_from(Source& s) {
    std::string all, part(1000, '\0');
    for (;;) {
        auto const n = soon([&] { return s.read(part).value(); });
        if (n == 0) return all;
        all += part.substr(0, n);
    }
}

}  // namespace

static_assert(!std::is_copy_constructible_v<ramie::read_half<tcp_stream>>);
static_assert(!std::is_copy_constructible_v<ramie::write_half<tcp_stream>>);

TEST_CASE("halves: an echo of which one task reads and another writes") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto [reader, writer] = ramie::split(std::move(pair.there));
        auto echo = ramie::spawn([r = std::move(reader), w = std::move(writer)]() mutable {
            std::string part(100, '\0');
            for (;;) {
                auto const n = r.read(part).value();
                if (n == 0) return;
                CHECK(w.write_all(std::string_view(part).substr(0, n)).has_value());
            }
        });
        CHECK(pair.here.write_all("there and back").has_value());
        CHECK(pair.here.shutdown_write().has_value());
        CHECK(all_from(pair.here) == "there and back");
        echo.get();
    });
}

TEST_CASE("halves: the end of the writing one is the end of the stream for the peer, and the other reads on") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto halves = ramie::split(std::move(here));
        {
            auto const writer = std::move(halves.writer);
        }
        CHECK(all_from(there) == "");
        CHECK(there.write_all("still").has_value());
        there.close();
        CHECK(all_from(halves.reader) == "still");
        CHECK(error_in(halves.writer.write("x")) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("halves: the end of the reading one is not seen by the peer; with both the stream is closed") {
    on_each_runtime([] {
        auto const before = open_descriptors();
        auto pair = connect_pair();
        {
            auto halves = ramie::split(std::move(pair.here));
            {
                auto const reader = std::move(halves.reader);
            }
            char b[1];
            CHECK(error_in(halves.reader.read(b)) == std::errc::bad_file_descriptor);
            CHECK(halves.writer.write_all("goes on").has_value());
            std::string text(7, '\0');
            CHECK(pair.there.read_exactly(text).has_value());
            CHECK(text == "goes on");
        }
        CHECK(all_from(pair.there) == "");
        pair.there.close();
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("halves: one reads while the other's wait is aborted; closing the whole ends both") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto halves = ramie::split(std::move(pair.here));
        auto writing =
            ramie::spawn([w = std::move(halves.writer)]() mutable { return error_in(w.write_all(too_much())); });
        auto& whole = halves.reader.stream();
        auto reading = ramie::spawn([&] {
            char b[8];
            return error_in(halves.reader.read(b));
        });
        let_others_park();
        whole.close();
        auto const read_error = soon([&] { return reading.get(); });
        auto const write_error = soon([&] { return writing.get(); }).code;
        for (auto const& each : {read_error, write_error})
            CHECK((each == std::errc::operation_canceled || each == std::errc::bad_file_descriptor));
    });
}

TEST_CASE("halves: put together again, they are the stream; halves of two streams are a mistake") {
    ramie::run({.workers = 1}, [] {
        auto pair = connect_pair();
        auto one = ramie::split(std::move(pair.here)), other = ramie::split(std::move(pair.there));
        CHECK_THROWS_AS((void)ramie::reunite(std::move(one.reader), std::move(other.writer)), std::logic_error);
        auto whole = ramie::reunite(std::move(one.reader), std::move(one.writer));
        CHECK_THROWS_AS((void)ramie::reunite(std::move(one.reader), std::move(one.writer)), std::logic_error);
        CHECK(whole.write_all("whole").has_value());
        std::array<std::byte, 2> a;
        std::array<std::byte, 3> b;
        std::span<std::byte> const into[] = {a, b};
        CHECK(other.reader.read_vectored(into) == 5u);
        std::span<std::byte const> const from[] = {b, a};
        CHECK(other.writer.write_all_vectored(from).value() == 5);
        std::string text(5, '\0');
        CHECK(whole.read_exactly(text).has_value());
        CHECK(text == "olewh");
    });
}
