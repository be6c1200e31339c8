// Several buffers in one call, peeking, sending a file.
#include "chance.hpp"
#include "sockets.hpp"
#include "temp_directory.hpp"

#include <ramie/spawn.hpp>
#include <ramie/unix_stream.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <numeric>
#include <vector>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::tcp_stream;
using ramie::unique_fd;
using ramie::unix_stream;

namespace {

using places = std::vector<std::span<std::byte const>>;

std::string pattern(std::size_t size) {
    chance random(size);
    std::string text(size, '\0');
    for (auto& c : text) c = static_cast<char>('a' + random.below(26));
    return text;
}

// As many pieces of random sizes, some empty.
places in_pieces(std::string const& text, std::size_t largest) {
    chance random(largest);
    places pieces;
    auto const bytes = std::as_bytes(std::span(text));
    for (std::size_t at = 0; at < bytes.size();) {
        auto const n = std::min<std::size_t>(random.below(largest + 1), bytes.size() - at);
        pieces.push_back(bytes.subspan(at, n));
        at += n;
    }
    pieces.push_back({});
    return pieces;
}

std::string all_from(tcp_stream& s) {
    std::string all, part(10'000, '\0');
    for (;;) {
        auto const n = soon([&] { return s.read(part).value(); });
        if (n == 0) return all;
        all += part.substr(0, n);
    }
}

struct file {
    temp_directory dir;
    unique_fd fd;
    explicit file(std::string const& text) {
        std::ofstream(dir / "f") << text;
        fd = unique_fd(::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC));
        REQUIRE(fd);
    }
};

}  // namespace

TEST_CASE("vectored: hundreds of places are written whole, and read into several") {
    on_each_runtime([] {
        auto pair = connect_pair();
        CHECK(pair.here.set_send_buffer(4096).has_value());
        auto const text = pattern(std::max<std::size_t>(rounds(500'000), 50'000));  // more pieces than one call takes
        auto const pieces = in_pieces(text, 300);
        REQUIRE(pieces.size() > 64);
        auto writing = ramie::spawn([&] {
            std::size_t done = 0;
            CHECK(pair.here.write_all_vectored(pieces, done).value() == text.size());
            CHECK(done == text.size());
            CHECK(pair.here.shutdown_write().has_value());
        });
        std::string all;
        std::array<std::byte, 7> a;
        std::array<std::byte, 1000> b;
        std::span<std::byte> const into[] = {a, {}, b};
        for (;;) {
            auto const n = soon([&] { return pair.there.read_vectored(into).value(); });
            if (n == 0) break;
            all.append(reinterpret_cast<char*>(a.data()), std::min<std::size_t>(n, 7));
            if (n > 7) all.append(reinterpret_cast<char*>(b.data()), n - 7);
        }
        writing.get();
        CHECK(all == text);
    });
}

TEST_CASE("vectored: one call takes 64 places, and a read that fills all it took is no proof that nothing is left") {
    on_each_runtime([] {
        auto pair = connect_pair();
        std::string const text(100, 'x');
        places one_each;
        for (auto const& c : std::as_bytes(std::span(text))) one_each.push_back({&c, 1});
        CHECK(pair.here.write_vectored(one_each) == 64u);
        CHECK(pair.here.write_all("rest").has_value());
        std::array<std::byte, 100> room;
        std::vector<std::span<std::byte>> into;
        for (auto& each : room) into.push_back({&each, 1});
        std::size_t got = 0;
        while (got < 68) got += soon([&] { return pair.there.read_vectored(into).value(); });
        CHECK(got == 68);
        CHECK(pair.there.read_vectored({}) == 0u);
        CHECK(pair.there.write_vectored({}) == 0u);
        CHECK(pair.there.write_all_vectored({}).value() == 0);
        places const empty(5);
        CHECK(pair.there.write_vectored(empty) == 0u);
    });
}

TEST_CASE("vectored: what was written before a timeout is counted") {
    on_each_runtime([] {
        auto pair = connect_pair();
        places const much(3, too_much());
        std::size_t done = 0;
        CHECK_FALSE(ramie::timeout(3ms, [&] { return pair.here.write_all_vectored(much, done); }).has_value());
        pair.here.close();
        CHECK(done > 0);
        CHECK(all_from(pair.there).size() == done);
    });
}

TEST_CASE("peek: looks without taking, waits like a read, and sees the end") {
    on_each_runtime([] {
        auto pair = connect_pair();
        char b[4];
        CHECK(pair.here.peek(std::span<char>()) == 0u);
        auto peeking = ramie::spawn([&] { return pair.here.peek(b).value(); });
        let_others_park();
        CHECK(pair.there.write_all("hello").has_value());
        CHECK(soon([&] { return peeking.get(); }) == 4);
        char large[100];
        for (int i = 0; i < 3; ++i) CHECK(soon([&] { return pair.here.peek(large).value(); }) == 5);
        CHECK(soon([&] { return pair.here.read(large).value(); }) == 5);
        pair.there.close();
        CHECK(soon([&] { return pair.here.peek(large).value(); }) == 0);
        CHECK(soon([&] { return pair.here.read(large).value(); }) == 0);
    });
}

TEST_CASE("send_file: a file arrives whole, from any offset, over TCP and unix; its position stays") {
    on_each_runtime([] {
        auto const text = pattern(rounds(3'000'000));
        file const from(text);
        auto pair = connect_pair();
        auto sending = ramie::spawn([&] {
            std::size_t sent = 10;
            for (;;) {
                auto const n = pair.here.send_file(from.fd.get(), sent, 100'000).value();
                if (n == 0) break;
                sent += n;
            }
            CHECK(sent == text.size());
            pair.here.close();
        });
        CHECK(all_from(pair.there) == text.substr(10));
        sending.get();
        CHECK(::lseek(from.fd.get(), 0, SEEK_CUR) == 0);
        auto [one, other] = unix_stream::pair().value();
        CHECK(one.send_file(from.fd.get(), 5, 3) == 3u);
        char b[10];
        CHECK(other.read(b) == 3u);
        CHECK(std::string_view(b, 3) == text.substr(5, 3));
        CHECK(one.send_file(from.fd.get(), text.size() + 7, 3) == 0u);
        CHECK(one.send_file(from.fd.get(), 0, 0) == 0u);
        CHECK(error_in(one.send_file(-1, 0, 1)) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("send_file: a timeout, an abort, a close while there is no room; a peer that has gone is no signal") {
    on_each_runtime([] {
        file const from(std::string(100'000, 'x'));
        auto pair = connect_pair();
        auto const send_for_ever = [&] {
            for (;;) {
                auto const n = pair.here.send_file(from.fd.get(), 0, 100'000);
                if (!n) return n.error();
            }
        };
        CHECK_FALSE(ramie::timeout(20ms, send_for_ever).has_value());
        auto aborted = ramie::spawn(send_for_ever);
        let_others_park();
        CHECK(aborted.abort_and_join().error().is_cancelled());
        auto closed = ramie::spawn(send_for_ever);
        let_others_park();
        pair.here.close();
        auto const error = soon([&] { return closed.get(); });
        CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));

        struct sigaction now {};
        REQUIRE(::sigaction(SIGPIPE, nullptr, &now) == 0);
        CHECK((now.sa_handler == SIG_DFL));
        auto [one, other] = unix_stream::pair().value();
        other.close();
        CHECK(error_in(one.send_file(from.fd.get(), 0, 10)) == std::errc::broken_pipe);
    });
}
