// Pipes and FIFOs.
#include "call/sigpipe.hpp"
#include "chance.hpp"
#include "sockets.hpp"
#include "temp_directory.hpp"

#include <ramie/pipe.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

using namespace ramie::testing;
using ramie::pipe_reader;
using ramie::pipe_writer;
using ramie::unique_fd;

namespace {

std::string text_from(pipe_reader& s, std::size_t most = 4096) {
    std::string text(most, '\0');
    text.resize(soon([&] { return s.read(text).value(); }));
    return text;
}

std::string all_text_from(pipe_reader& s) {
    std::string all;
    for (auto part = text_from(s); !part.empty(); part = text_from(s)) all += part;
    return all;
}

bool is_end_of_wait(std::error_code const& e) {
    return e == std::errc::operation_canceled || e == std::errc::bad_file_descriptor;
}

std::atomic<int> sigpipes{0};
void count_sigpipe(int) { ++sigpipes; }

// Saves the process's reaction to SIGPIPE, and restores it afterwards.
class reaction {
  public:
    explicit reaction(void (*handler)(int)) {
        struct sigaction wanted {};
        wanted.sa_handler = handler;
        REQUIRE(::sigaction(SIGPIPE, &wanted, &before_) == 0);
    }
    reaction(reaction const&) = delete;
    reaction& operator=(reaction const&) = delete;
    ~reaction() { ::sigaction(SIGPIPE, &before_, nullptr); }

  private:
    struct sigaction before_ {};
};

bool is_pending() {
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGPIPE) == 1;
}
bool is_held_back() {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    return ::sigismember(&now, SIGPIPE) == 1;
}

}  // namespace

TEST_CASE("pipe: what is written is read, to the end, which comes with the last writer") {
    on_each_runtime([] {
        auto [reader, writer] = ramie::make_pipe().value();
        auto reading = ramie::spawn([&] { return all_text_from(reader); });
        let_others_park();
        CHECK(writer.write_all("one ").value() == 4);
        let_others_park();
        CHECK(writer.write_all("two").value() == 3);
        writer.close();
        CHECK(soon([&] { return reading.get(); }) == "one two");
        CHECK(text_from(reader) == "");
    });
}

TEST_CASE("pipe: data and the end at once are both read") {
    on_each_runtime([] {
        for (bool const reader_parks_first : {true, false}) {
            auto [reader, writer] = ramie::make_pipe().value();
            auto reading = ramie::spawn([&] { return all_text_from(reader); });
            if (reader_parks_first) let_others_park();
            CHECK(writer.write_all("all there is").has_value());
            writer.close();
            CHECK(soon([&] { return reading.get(); }) == "all there is");
        }
    });
}

TEST_CASE("pipe: megabytes arrive byte for byte, the writer waits for room") {
    on_each_runtime([] {
        auto [reader, writer] = ramie::make_pipe({.capacity = 4096}).value();
        CHECK(::fcntl(reader.native_handle(), F_GETPIPE_SZ) == 4096);
        std::vector<std::byte> bytes(rounds(2'000'000));
        chance random(1);
        for (auto& b : bytes) b = static_cast<std::byte>(random.next());
        auto writing = ramie::spawn([&] {
            std::size_t at = 0;
            chance choice(2);
            while (at < bytes.size()) {
                auto const n = std::min<std::size_t>(1 + choice.below(20'000), bytes.size() - at);
                CHECK(writer.write_all(std::span(bytes).subspan(at, n)).value() == n);
                at += n;
            }
            writer.close();
        });
        std::vector<std::byte> all, part(10'000);
        for (;;) {
            auto const n = soon([&] {
                return reader.read(std::span(part).first(1 + random.below(part.size()))).value();
            });
            if (n == 0) break;
            all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
        }
        writing.get();
        CHECK(all == bytes);
    });
}

TEST_CASE("pipe: a timeout, an abort and a close end waits") {
    on_each_runtime([] {
        auto [reader, writer] = ramie::make_pipe().value();
        auto const read = [&] {
            char b[8];
            return error_in(reader.read(b));
        };
        for (int i = 0; i < 2; ++i) {
            CHECK_FALSE(ramie::timeout(2ms, read).has_value());
            auto aborted = ramie::spawn(read);
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            CHECK(writer.write_all("x").has_value());
            CHECK(text_from(reader) == "x");
        }
        std::size_t done = 0;
        auto const write = [&] { return error_in(writer.write_all(too_much(), done)).code; };
        CHECK_FALSE(ramie::timeout(2ms, write).has_value());
        CHECK(done == 65536);
        auto writing = ramie::spawn(write);
        let_others_park();
        writer.close();
        CHECK(is_end_of_wait(soon([&] { return writing.get(); })));
        CHECK(all_text_from(reader).size() == 65536 + done);
        auto second = ramie::make_pipe().value();
        auto reading = ramie::spawn([&] {
            char b[8];
            return error_in(second.reader.read(b));
        });
        let_others_park();
        second.reader.close();
        CHECK(is_end_of_wait(soon([&] { return reading.get(); })));
        CHECK(error_in(second.reader.read(std::span<char>())) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("pipe: no reader is an error and not a signal, whatever the process does about SIGPIPE") {
    auto const write_twice = [] {
        auto [reader, writer] = ramie::make_pipe().value();
        CHECK(writer.write_all("never read").has_value());
        reader.close();
        CHECK(error_in(writer.write("x")) == std::errc::broken_pipe);
        std::string const text = "y";
        std::span<std::byte const> const spans[] = {std::as_bytes(std::span(text))};
        CHECK(error_in(writer.write_all_vectored(spans)).code == std::errc::broken_pipe);
        CHECK_FALSE(is_held_back());
    };
    for (auto* const handler : {SIG_DFL, SIG_IGN, &count_sigpipe}) {
        reaction const of_the_user(handler);
        on_each_runtime(write_twice);
    }
    CHECK(sigpipes == 0);
}

TEST_CASE("pipe: a writer that waits when the last reader goes") {
    reaction const by_default(SIG_DFL);
    on_each_runtime([] {
        auto [reader, writer] = ramie::make_pipe().value();
        auto writing = ramie::spawn([&] { return error_in(writer.write_all(too_much())); });
        let_others_park();
        reader.close();
        auto const error = soon([&] { return writing.get(); });
        CHECK(error.code == std::errc::broken_pipe);
        CHECK((error.done == 65536 || error.done == 0));
    });
}

TEST_CASE("pipe: the way of older systems raises no SIGPIPE either, and leaves one of the user's alone") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    unique_fd const writing(ends[1]);
    ::close(ends[0]);
    char letter = 'x';
    iovec const data{&letter, 1};
    auto const write = [&] { return ramie::detail::without_sigpipe::write_holding_back(writing.get(), &data, 1); };
    for (auto* const handler : {SIG_DFL, SIG_IGN, &count_sigpipe}) {
        reaction const of_the_user(handler);
        CHECK(write() == -EPIPE);
        CHECK_FALSE(is_held_back());
        CHECK_FALSE(is_pending());
    }
    CHECK(sigpipes == 0);

    // The signal is blocked by the user and not pending: none is left pending. Pending before: it stays pending.
    std::thread([&] {
        sigset_t only;
        ::sigemptyset(&only);
        ::sigaddset(&only, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
        CHECK(write() == -EPIPE);
        CHECK_FALSE(is_pending());
        CHECK(is_held_back());
        ::pthread_kill(::pthread_self(), SIGPIPE);
        CHECK(is_pending());
        CHECK(write() == -EPIPE);
        CHECK(is_pending());
        timespec const at_once{};
        CHECK(::sigtimedwait(&only, nullptr, &at_once) == SIGPIPE);
    }).join();
}

TEST_CASE("pipe: ends are non-blocking and close-on-exec; outside a runtime there are none") {
    ramie::run({.workers = 1}, [] {
        auto const ends = ramie::make_pipe().value();
        for (int const fd : {ends.reader.native_handle(), ends.writer.native_handle()}) {
            CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
        CHECK(error_in(ramie::make_pipe({.capacity = std::size_t{1} << 40})) == std::errc::invalid_argument);
    });
    CHECK_THROWS_WITH_AS((void)ramie::make_pipe(),
                         doctest::Contains("make_pipe was called on a thread that belongs to no runtime"),
                         ramie::no_runtime);
}

TEST_CASE("pipe: adopted ends, one of the kind that keeps packets apart, and what is no pipe") {
    on_each_runtime([] {
        int ends[2];
        REQUIRE(::pipe2(ends, O_DIRECT) == 0);
        auto reader = pipe_reader::adopt(unique_fd(ends[0])).value();
        auto writer = pipe_writer::adopt(unique_fd(ends[1])).value();
        CHECK((::fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(ends[1], F_GETFD) & FD_CLOEXEC) != 0);
        auto reading = ramie::spawn([&] {
            std::string all;
            for (int i = 0; i < 3; ++i) all += text_from(reader) + "|";
            return all;
        });
        let_others_park();
        // Each read is short, and no edge tells of the next packet.
        for (auto const* each : {"one", "two", "three"}) CHECK(writer.write_all(each).has_value());
        CHECK(soon([&] { return reading.get(); }) == "one|two|three|");
        CHECK(error_in(pipe_reader::adopt(unique_fd(::socket(AF_INET, SOCK_STREAM, 0)))) ==
              std::errc::invalid_argument);
        CHECK(error_in(pipe_writer::adopt(unique_fd(::open("/dev/null", O_WRONLY)))) == std::errc::invalid_argument);
        CHECK(error_in(pipe_writer::adopt(unique_fd())) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("pipe: a FIFO whose reader opens first reads nothing, not the end, until a writer has come") {
    temp_directory const dir;
    on_each_runtime([&] {
        auto const path = dir / "fifo";
        ::unlink(path.c_str());
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        auto reader = pipe_reader::open(path).value();
        char b[8];
        CHECK_FALSE(ramie::timeout(2ms, [&] { return reader.read(b); }).has_value());
        auto reading = ramie::spawn([&] { return all_text_from(reader); });
        let_others_park();
        auto writer = pipe_writer::open(path).value();
        let_others_park();
        CHECK_FALSE(reading.is_finished());
        CHECK(writer.write_all("hello").has_value());
        writer.close();
        CHECK(soon([&] { return reading.get(); }) == "hello");
        // Another writer comes: there is more to read.
        auto second = pipe_writer::open(path).value();
        CHECK(second.write_all("again").has_value());
        CHECK(text_from(reader) == "again");
    });
}

TEST_CASE("pipe: a FIFO's writer waits for its reader, and is aborted meanwhile") {
    temp_directory const dir;
    on_each_runtime([&] {
        auto const path = dir / "fifo";
        ::unlink(path.c_str());
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        auto const open = [&] { return pipe_writer::open(path).value(); };
        CHECK_FALSE(ramie::timeout(3ms, open).has_value());
        auto aborted = ramie::spawn(open);
        let_others_park();
        CHECK(aborted.abort_and_join().error().is_cancelled());
        auto opening = ramie::spawn(open);
        let_others_park();
        CHECK_FALSE(opening.is_finished());
        auto reader = pipe_reader::open(path).value();
        auto writer = soon([&] { return opening.get(); });
        CHECK(writer.write_all("x").has_value());
        CHECK(text_from(reader) == "x");
        CHECK(error_in(pipe_writer::open(dir / "none")) == std::errc::no_such_file_or_directory);
        CHECK(error_in(pipe_reader::open(dir / "none")) == std::errc::no_such_file_or_directory);
        CHECK(error_in(pipe_reader::open("/dev/null")) == std::errc::invalid_argument);
    });
}

TEST_CASE("pipe: several places in one call, and readiness in a select") {
    on_each_runtime([] {
        auto [reader, writer] = ramie::make_pipe().value();
        std::string const a = "one ", b, c = "two";
        std::span<std::byte const> const from[] = {std::as_bytes(std::span(a)), std::as_bytes(std::span(b)),
                                                   std::as_bytes(std::span(c))};
        CHECK(writer.write_vectored(from) == 7u);
        auto const ignore = [](auto&&...) {};
        CHECK(soon([&] { return ramie::select(ramie::on_readable(reader, ignore)); }) == 0);
        std::array<std::byte, 2> first;
        std::array<std::byte, 10> second;
        std::span<std::byte> const into[] = {first, {}, second};
        CHECK(reader.read_vectored(into) == 7u);
        CHECK(first[1] == std::byte{'n'});
        CHECK(second[4] == std::byte{'o'});
        CHECK(ramie::select(ramie::on_readable(reader, ignore), ramie::otherwise(ignore)) == 1);
        CHECK(ramie::select(ramie::on_writable(writer, ignore), ramie::otherwise(ignore)) == 0);
    });
}
