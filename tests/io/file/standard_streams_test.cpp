// Standard input and output of every kind, without a change to what is shared with others.
#include "child_process.hpp"
#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/spawn.hpp>
#include <ramie/standard_streams.hpp>

#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace ramie::testing;
using ramie::stdin_stream;
using ramie::stdout_stream;

namespace {

// While this lives, descriptor `number` is a copy of `fd`.
class replaced {
  public:
    replaced(int number, int fd) : number_(number), before_(::fcntl(number, F_DUPFD_CLOEXEC, 100)) {
        REQUIRE(before_ >= 0);
        REQUIRE(::dup2(fd, number) == number);
    }
    replaced(replaced const&) = delete;
    replaced& operator=(replaced const&) = delete;
    ~replaced() {
        ::dup2(before_, number_);
        ::close(before_);
    }

  private:
    int number_;
    int before_;
};

// Standard input, and the descriptor that feeds it.
struct input {
    int read_end = -1, write_end = -1;

    static input pipe() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        return {ends[0], ends[1]};
    }
    static input socket() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        return {ends[0], ends[1]};
    }
    static input terminal() {
        int const keyboard = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        REQUIRE(keyboard >= 0);
        REQUIRE(::grantpt(keyboard) == 0);
        REQUIRE(::unlockpt(keyboard) == 0);
        int const screen = ::open(::ptsname(keyboard), O_RDWR | O_NOCTTY | O_CLOEXEC);
        REQUIRE(screen >= 0);
        return {screen, keyboard};
    }

    input(int r, int w) : read_end(r), write_end(w) {}
    input(input const&) = delete;
    input& operator=(input const&) = delete;
    ~input() {
        ::close(read_end);
        end();
    }
    void type(std::string_view text) const {
        REQUIRE(::write(write_end, text.data(), text.size()) == std::ssize(text));
    }
    void end() {
        if (write_end >= 0) ::close(std::exchange(write_end, -1));
    }
    bool is_still_blocking() const { return (::fcntl(read_end, F_GETFL) & O_NONBLOCK) == 0; }
};

int file_with(std::string_view text) {
    auto name = (std::filesystem::temp_directory_path() / "ramie-test-XXXXXX").string();
    int const fd = ::mkostemp(name.data(), O_CLOEXEC);
    REQUIRE(fd >= 0);
    ::unlink(name.c_str());
    REQUIRE(::write(fd, text.data(), text.size()) == std::ssize(text));
    REQUIRE(::lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

// Lines come as they are typed, waits end, nothing is lost, and no flags of others are changed.
bool reads_lines(input& given) {
    auto in = stdin_stream().value();
    ramie::buffered_reader lines(in);
    std::string line;
    auto const next = [&] { return lines.read_line(line); };
    bool right = !ramie::timeout(2ms, next).has_value();
    given.type("first\nsec");
    right = right && soon(next).value() && line == "first";
    auto waiting = ramie::spawn(next);
    let_others_park();
    right = right && waiting.abort_and_join().error().is_cancelled();
    given.type("ond\n");
    right = right && soon(next).value() && line == "second";
    right = right && given.is_still_blocking();
    auto again = ramie::spawn(next);
    let_others_park();
    in.close();
    right = right && error_in(soon([&] { return again.get(); })) == std::errc::operation_canceled;
    return right && error_in(next()) == std::errc::bad_file_descriptor;
}

}  // namespace

TEST_CASE("standard streams: lines from a pipe, a terminal, a socket") {
    for (auto* const make : {input::pipe, input::terminal, input::socket}) {
        on_each_runtime([&] {
            auto given = make();
            replaced const in(0, given.read_end);
            CHECK(reads_lines(given));
        });
    }
}

TEST_CASE("standard streams: the end of a pipe, also if it was there before") {
    on_each_runtime([] {
        auto given = input::pipe();
        replaced const in(0, given.read_end);
        given.type("all there was");
        given.end();
        auto stream = stdin_stream().value();
        std::string text;
        CHECK(soon([&] { return ramie::buffered_reader(stream, 5).read_to_end(text); }).value() == 13);
        CHECK(text == "all there was");
    });
}

TEST_CASE("standard streams: a file, at the position that is shared with others") {
    on_each_runtime([] {
        int const fd = file_with("one\ntwo\nthree\n");
        {
            replaced const in(0, fd), out(1, fd);
            char first[4];
            CHECK(::read(0, first, 4) == 4);
            auto from = stdin_stream().value();
            std::string text(4, '\0');
            CHECK(from.read(text).value() == 4);
            CHECK(text == "two\n");
            CHECK(::lseek(fd, 0, SEEK_CUR) == 8);
            auto to = stdout_stream().value();
            CHECK(to.write_all("THREE").value() == 5);
            CHECK(from.read(text).value() == 1);
            CHECK(from.read(text).value() == 0);
        }
        char all[20];
        CHECK(::pread(fd, all, sizeof all, 0) == 14);
        CHECK(std::string_view(all, 14) == "one\ntwo\nTHREE\n");
        ::close(fd);
    });
}

TEST_CASE("standard streams: /dev/null, and none at all") {
    on_each_runtime([] {
        int const null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        {
            replaced const in(0, null), out(1, null);
            std::string text(4, '\0');
            CHECK(stdin_stream().value().read(text).value() == 0);
            CHECK(stdout_stream().value().write_all("nowhere").value() == 7);
            ::close(0);
            CHECK(error_in(stdin_stream()) == std::errc::bad_file_descriptor);
        }
        ::close(null);
    });
    CHECK_THROWS_AS((void)stdin_stream(), ramie::no_runtime);
}

TEST_CASE("standard streams: writing to a pipe, a terminal, a socket") {
    for (auto* const make : {input::pipe, input::terminal, input::socket}) {
        on_each_runtime([&] {
            auto ends = make();
            // A pipe has one direction; for the others any end will do.
            bool const is_pipe = make == input::pipe;
            int const from = is_pipe ? ends.read_end : ends.write_end;
            replaced const out(2, is_pipe ? ends.write_end : ends.read_end);
            auto to = ramie::stderr_stream().value();
            CHECK(soon([&] { return to.write_all("words"); }).value() == 5);
            char text[10];
            CHECK(::read(from, text, sizeof text) == 5);
            CHECK(std::string_view(text, 5) == "words");
            std::size_t done = 0;
            std::string const much(1'000'000, 'x');
            CHECK(!ramie::timeout(2ms, [&] { return to.write_all(much, done); }).has_value());
            CHECK(done > 0);
            auto waiting = ramie::spawn([&] { return to.write_all(much).has_value(); });
            let_others_park();
            CHECK(waiting.abort_and_join().error().is_cancelled());
            CHECK(ends.is_still_blocking());
        });
    }
}

TEST_CASE("standard streams: without a reader a write is an error, and no signal") {
    on_each_runtime([] {
        auto ends = input::pipe();
        replaced const out(1, ends.write_end);
        auto to = stdout_stream().value();
        CHECK(to.write("x").has_value());
        ::close(std::exchange(ends.read_end, -1));
        ends.end();
        CHECK(error_in(to.write("x")) == std::errc::broken_pipe);
    });
    on_each_runtime([] {  // opened after the reader has gone
        auto ends = input::pipe();
        replaced const out(1, ends.write_end);
        ::close(std::exchange(ends.read_end, -1));
        CHECK(error_in(stdout_stream().value().write("x")) == std::errc::broken_pipe);
    });
}

// Only root can become a user that may not open the given file; for others these cases repeat the tests above.
TEST_CASE("standard streams: a terminal or pipe of another user's, which cannot be opened again (forks)") {
    for (auto* const make : {input::pipe, input::terminal}) {
        auto const end = in_child([&] {
            auto given = make();
            REQUIRE(::fchmod(given.read_end, 0600) == 0);
            ::dup2(given.read_end, 0);
            (void)!::setgid(65534);
            (void)!::setuid(65534);
            ramie::run({.workers = 2}, [&] {
                if (!reads_lines(given)) ::_exit(3);
            });
            // An abandoned wait does not keep the runtime from ending.
            ramie::run({.workers = 2}, [] {
                ramie::spawn([] {
                    auto in = stdin_stream().value();
                    std::string text(10, '\0');
                    (void)in.read(text);
                }).detach();
                let_others_park();
            });
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0 || ::fchmod(ends[1], 0) != 0) ::_exit(5);
            ::dup2(ends[1], 1);
            ramie::run({.workers = 2}, [&] {
                auto out = stdout_stream().value();
                std::size_t done = 0;
                std::string const much(1'000'000, 'x');
                auto const late = ramie::timeout(50ms, [&] { return out.write_all(much, done); });
                if (late.has_value() || done < 4096) ::_exit(6);
                ::close(ends[0]);
                if (error_in(soon([&] { return out.write("x"); })) != std::errc::broken_pipe) ::_exit(7);
            });
        });
        CHECK(end.exited_with(0));
    }
}
