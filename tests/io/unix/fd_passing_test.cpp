// Descriptors that are sent with bytes of a unix stream.
#include "sockets.hpp"

#include <ramie/pipe.hpp>
#include <ramie/spawn.hpp>
#include <ramie/unix_stream.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

using namespace ramie::testing;
using ramie::unique_fd;
using ramie::unix_stream;

namespace {

std::array<unique_fd, 2> plain_pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {unique_fd(ends[0]), unique_fd(ends[1])};
}

}  // namespace

TEST_CASE("fd passing: the other side has the same open file, close-on-exec, under a number of its own") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto [reading, writing] = plain_pipe();
        REQUIRE(::fcntl(writing.get(), F_SETFD, 0) == 0);
        int const fds[] = {writing.get()};
        CHECK(here.send_fds("take it", fds) == 7u);
        char text[100];
        auto got = there.receive_fds(text).value();
        CHECK(got.size == 7);
        REQUIRE(got.fds.size() == 1);
        CHECK(got.fds[0].get() != writing.get());
        CHECK((::fcntl(got.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(::write(got.fds[0].get(), "through", 7) == 7);
        CHECK(::read(reading.get(), text, sizeof text) == 7);
    });
}

TEST_CASE("fd passing: bytes without descriptors, the end, nothing to read, bad counts") {
    ramie::run({.workers = 1}, [] {
        auto [here, there] = unix_stream::pair().value();
        CHECK(here.write_all("plain").has_value());
        char text[100];
        auto const got = there.receive_fds(text).value();
        CHECK(got.size == 5);
        CHECK(got.fds.empty());
        CHECK(there.receive_fds(std::span<char>()).value().size == 0);
        CHECK(here.send_fds("none", {}) == 4u);
        CHECK(there.receive_fds(text, 0).value().size == 4);
        CHECK(error_in(here.send_fds("", {})) == std::errc::invalid_argument);
        std::vector<int> const many(unix_stream::most_fds + 1, STDERR_FILENO);
        CHECK(error_in(here.send_fds("x", many)) == std::errc::invalid_argument);
        CHECK(error_in(there.receive_fds(text, unix_stream::most_fds + 1)) == std::errc::invalid_argument);
        int const bad[] = {-1};
        CHECK(error_in(here.send_fds("x", bad)) == std::errc::bad_file_descriptor);
        here.close();
        CHECK(there.receive_fds(text).value().size == 0);
    });
}

TEST_CASE("fd passing: as many as go into one message") {
    ramie::run({.workers = 1}, [] {
        auto const before = open_descriptors();
        {
            auto [here, there] = unix_stream::pair().value();
            std::vector<int> const many(unix_stream::most_fds, STDERR_FILENO);
            CHECK(here.send_fds("x", many) == 1u);
            char text[10];
            CHECK(there.receive_fds(text).value().fds.size() == unix_stream::most_fds);
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("fd passing: more than asked for is an error, and none stays open") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto const before = open_descriptors();
        int const fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
        char text[10];
        for (std::size_t const at_most : {0u, 1u, 2u}) {
            CHECK(here.send_fds("x", fds) == 1u);
            CHECK(error_in(there.receive_fds(text, at_most)) == ramie::stream_errc::descriptors_lost);
            CHECK(open_descriptors() == before);
        }
        CHECK(here.send_fds("x", fds) == 1u);
        CHECK(there.receive_fds(text, 3).value().fds.size() == 3);
    });
}

TEST_CASE("fd passing: more than the process has room for is an error, and none stays open") {
    ramie::run({.workers = 1}, [] {
        auto [here, there] = unix_stream::pair().value();
        int const fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
        CHECK(here.send_fds("x", fds) == 1u);
        auto const before = open_descriptors();
        rlimit limit{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
        auto const lowest = ::dup(STDERR_FILENO);
        ::close(lowest);
        auto tight = limit;
        tight.rlim_cur = static_cast<rlim_t>(lowest) + 2;
        char text[10];
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
        auto const got = there.receive_fds(text);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
        CHECK(error_in(got) == ramie::stream_errc::descriptors_lost);
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("fd passing: a plain read that comes upon descriptors closes them, and misses no byte behind them") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto const before = open_descriptors();
        int const fds[] = {STDERR_FILENO};
        // A read stops where descriptors were sent. No edge follows for the bytes after them.
        for (int i = 0; i < 3; ++i) {
            CHECK(here.send_fds("abc", fds) == 3u);
            CHECK(here.write_all("def").has_value());
            let_others_park();  // all edges have been reported
            char text[6];
            CHECK(soon([&] { return there.read_exactly(text).value(); }) == 6);
            CHECK(std::string_view(text, 6) == "abcdef");
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("fd passing: each receive gets what was sent with its bytes, though they were all there") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        int const fds[] = {STDERR_FILENO, STDERR_FILENO};
        CHECK(here.send_fds("a", std::span(fds).first(1)) == 1u);
        CHECK(here.send_fds("b", std::span(fds).first(2)) == 1u);
        CHECK(here.write_all("c").has_value());
        std::string all;
        std::size_t count = 0;
        while (all.size() < 3) {
            char text[10];
            auto const got = soon([&] { return there.receive_fds(text); }).value();
            all.append(text, got.size);
            count += got.fds.size();
        }
        CHECK(all == "abc");
        CHECK(count == 3);
    });
}

TEST_CASE("fd passing: an abort, a timeout and a close of the receiver that waits; descriptors under way are closed") {
    on_each_runtime([] {
        auto const before = open_descriptors();
        {
            auto [here, there] = unix_stream::pair().value();
            auto const receive = [&] {
                char text[10];
                return error_in(there.receive_fds(text));
            };
            CHECK_FALSE(ramie::timeout(2ms, receive).has_value());
            auto aborted = ramie::spawn(receive);
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            auto closed = ramie::spawn(receive);
            let_others_park();
            there.close();
            auto const error = soon([&] { return closed.get(); });
            CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        }
        {
            auto [here, there] = unix_stream::pair().value();
            auto [reading, writing] = plain_pipe();
            int const fds[] = {writing.get()};
            CHECK(here.send_fds("x", fds) == 1u);
            writing = unique_fd();
            there.close();
            char b;
            CHECK(::read(reading.get(), &b, 1) == 0);  // the last writer went with the message
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("fd passing: a stream travels to another fiber, which adopts it") {
    on_each_runtime([] {
        auto [here, there] = unix_stream::pair().value();
        auto worker = ramie::spawn([&] {
            char text[10];
            auto got = there.receive_fds(text).value();
            auto mine = ramie::tcp_stream::adopt(std::move(got.fds.at(0))).value();
            CHECK(mine.write_all("handed over").has_value());
        });
        auto pair = connect_pair();
        int const fds[] = {pair.there.native_handle()};
        CHECK(here.send_fds("x", fds) == 1u);
        worker.get();
        pair.there.close();
        CHECK(all_text_from(pair.here) == "handed over");
    });
}
