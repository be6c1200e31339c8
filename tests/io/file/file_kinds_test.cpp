// Files that are not regular: directories, devices, FIFOs, terminals.
#include "scratch.hpp"
#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/file.hpp>
#include <ramie/spawn.hpp>

#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>

using namespace ramie::testing;
using ramie::file;

namespace {

// A terminal from the side of its user: text written to `keyboard` is read from the terminal.
struct terminal {
    int keyboard = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    std::string name;

    terminal() {
        REQUIRE(keyboard >= 0);
        REQUIRE(::grantpt(keyboard) == 0);
        REQUIRE(::unlockpt(keyboard) == 0);
        name = ::ptsname(keyboard);
    }
    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;
    ~terminal() { hang_up(); }
    void hang_up() {
        if (keyboard >= 0) ::close(std::exchange(keyboard, -1));
    }
    void type(std::string_view text) { REQUIRE(::write(keyboard, text.data(), text.size()) == std::ssize(text)); }
};

}  // namespace

TEST_CASE("file: a directory, /proc and devices") {
    scratch dir;
    auto const read_them = [&] {
        auto folder = file::open(dir / ".").value();
        std::string text(10, '\0');
        CHECK(error_in(folder.read(text)) == std::errc::is_a_directory);
        CHECK(error_in(ramie::read_file(dir / ".")) == std::errc::is_a_directory);
        CHECK(error_in(file::create(dir / ".")) == std::errc::is_a_directory);
        CHECK(folder.sync().has_value());
        CHECK(ramie::read_file("/proc/self/status").value().starts_with("Name:"));  // it has no size
        auto nothing = file::open("/dev/null", {.read = true, .write = true}).value();
        CHECK(nothing.read(text).value() == 0);
        CHECK(nothing.write_all("into the void").value() == 13);
        CHECK(ramie::read_file("/dev/null").value().empty());
        auto zeros = file::open("/dev/zero").value();
        CHECK(zeros.read_exactly(text).value() == 10);
        CHECK(text == std::string(10, '\0'));
        auto full = file::open("/dev/full", {.write = true}).value();
        CHECK(error_in(full.write("x")) == std::errc::no_space_on_device);
    };
    on_each_runtime(read_them);
    read_them();
}

TEST_CASE("file: an empty read or write of whatever it is") {
    on_each_runtime([] {
        auto nothing = file::open("/dev/null", {.read = true, .write = true}).value();
        CHECK(nothing.read(std::span<std::byte>()).value() == 0);
        CHECK(nothing.write("").value() == 0);
    });
}

TEST_CASE("file: a FIFO: the reader waits for a writer, and reads until the last has gone") {
    scratch dir;
    auto const path = dir / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    on_each_runtime([&] {
        CHECK(error_in(file::open(path, {.write = true})) == std::errc::no_such_device_or_address);
        auto in = file::open(path).value();
        auto reading = ramie::spawn([&] { return all_text_from(in); });
        let_others_park();
        CHECK(!reading.is_finished());  // there is no writer yet
        auto out = file::open(path, {.write = true}).value();
        CHECK(out.write_all("through the ").has_value());
        CHECK(out.write_all("pipe").has_value());
        CHECK(error_in(out.seek(0)) == std::errc::invalid_seek);
        std::string text(1, '\0');
        CHECK(error_in(in.pread(text, 0)) == std::errc::invalid_seek);
        out.close();
        CHECK(soon([&] { return reading.get(); }) == "through the pipe");
        // Another writer may come.
        auto again = file::open(path, {.write = true}).value();
        CHECK(again.write_all("more").has_value());
        again.close();
        CHECK(soon([&] { return all_text_from(in); }) == "more");
        // And the reader may go: an error, no signal.
        auto last = file::open(path, {.write = true}).value();
        in.close();
        // At the latest when an epoll_wait on another worker has let go of the file (newer kernels hold a reference
        // during the call). If the reader stayed, the pipe would fill up, and then the write would wait for ever.
        std::error_code end;
        soon([&] {
            while (!end) end = error_in(last.write("x"));
        });
        CHECK(end == std::errc::broken_pipe);
    });
}

TEST_CASE("file: abort, timeout and close while a FIFO has nothing to read, or no room") {
    scratch dir;
    auto const path = dir / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    on_each_runtime([&] {
        auto in = file::open(path).value();
        auto out = file::open(path, {.write = true}).value();
        auto const read = [&] {
            std::string text(100, '\0');
            text.resize(in.read(text).value());
            return text;
        };
        std::string const much(1'000'000, 'x');
        std::size_t done = 0;
        auto const write = [&] { return out.write_all(much, done).has_value(); };
        CHECK(!ramie::timeout(2ms, read).has_value());
        auto reading = ramie::spawn(read);
        let_others_park();
        CHECK(reading.abort_and_join().error().is_cancelled());
        CHECK(out.write_all("still there").has_value());
        CHECK(soon(read) == "still there");

        CHECK(!ramie::timeout(2ms, write).has_value());
        CHECK(done > 0);
        auto const written = done;
        auto writing = ramie::spawn(write);
        let_others_park();
        CHECK(writing.abort_and_join().error().is_cancelled());
        auto blocked = ramie::spawn([&] { return out.write_all(much); });
        let_others_park();
        out.close();
        CHECK(error_in(soon([&] { return blocked.get(); })).code == std::errc::operation_canceled);
        CHECK(soon([&] { return all_text_from(in); }).size() >= written);
    });
}

TEST_CASE("file: outside a runtime a FIFO is refused, clearly") {
    scratch dir;
    auto const path = dir / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK_THROWS_AS((void)file::open(path), ramie::no_runtime);
}

TEST_CASE("file: a terminal gives lines, waits without a thread, and ends when it is hung up") {
    on_each_runtime([] {
        terminal tty;
        auto in = file::open(tty.name, {.read = true, .write = true}).value();
        ramie::buffered_reader lines(in);
        std::string line;
        CHECK(!ramie::timeout(2ms, [&] { return lines.read_line(line); }).has_value());
        tty.type("first\nsec");
        CHECK(soon([&] { return lines.read_line(line); }).value());
        CHECK(line == "first");
        CHECK(!ramie::timeout(2ms, [&] { return lines.read_line(line); }).has_value());
        tty.type("ond\n");
        CHECK(soon([&] { return lines.read_line(line); }).value());
        CHECK(line == "second");
        tty.type("\x04");  // the end, as a user says it
        CHECK(soon([&] { return lines.read_line(line); }).value() == false);
        CHECK(in.write_all("answer").has_value());
        tty.hang_up();
        CHECK(soon([&] { return lines.read_line(line); }).value() == false);
        CHECK(error_in(in.write("x")) == std::errc::io_error);
    });
}
