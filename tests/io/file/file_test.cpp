// Regular files: what is read, where it is written, and how they are opened.
#include "scratch.hpp"
#include "sockets.hpp"

#include <ramie/copy.hpp>
#include <ramie/file.hpp>
#include <ramie/spawn.hpp>

#include <limits>

#include <fcntl.h>
#include <sys/stat.h>

using namespace ramie::testing;
using ramie::file;
using ramie::seek_from;

namespace {

std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("file: what was written is read, from fibers and from plain threads") {
    scratch dir;
    auto const there_and_back = [&] {
        auto const path = dir / "a";
        auto out = file::create(path).value();
        CHECK(out.write("hello, ").value() == 7);
        CHECK(out.write_all("file").value() == 4);
        CHECK(out.sync().has_value());
        CHECK(out.datasync().has_value());
        CHECK(out.size().value() == 11);
        CHECK(read_plainly(path) == "hello, file");
        auto in = file::open(path).value();
        std::string text(5, '\0');
        CHECK(in.read_exactly(text).value() == 5);
        CHECK(text == "hello");
        CHECK(all_text_from(in) == ", file");
        CHECK(in.read(text).value() == 0);
    };
    on_each_runtime(there_and_back);
    there_and_back();
}

TEST_CASE("file: more than one call moves") {
    scratch dir;
    auto const path = dir / "large";
    auto const text = numbers(3'000'000);
    on_each_runtime([&] {
        CHECK(ramie::write_file(path, text).has_value());
        CHECK(ramie::read_file(path).value() == text);
        auto in = file::open(path).value();
        std::string part(text.size(), '\0');
        CHECK(in.read(part).value() < text.size());  // as documented
        CHECK(in.seek(0).value() == 0);
        CHECK(in.read_exactly(part).value() == text.size());
        CHECK(part == text);
        std::size_t done = 0;
        auto const end = in.read_exactly(part, done);
        CHECK(error_in(end).code == ramie::stream_errc::unexpected_end);
        CHECK(done == 0);
    });
}

TEST_CASE("file: the position moves with reads and writes, and by seek") {
    scratch dir;
    auto const path = dir / "a";
    on_each_runtime([&] {
        write_plainly(path, "0123456789");
        auto f = file::open(path, {.read = true, .write = true}).value();
        std::string two(2, '\0');
        CHECK(f.read(two).value() == 2);
        CHECK(f.write("ab").value() == 2);
        CHECK(f.seek(0, seek_from::current).value() == 4);
        CHECK(f.seek(-1, seek_from::end).value() == 9);
        CHECK(f.read(two).value() == 1);
        CHECK(f.seek(-3, seek_from::current).value() == 7);
        CHECK(error_in(f.seek(-8, seek_from::current)) == std::errc::invalid_argument);
        CHECK(error_in(f.seek(-1)) == std::errc::invalid_argument);
        constexpr auto farthest = std::numeric_limits<std::int64_t>::max();
        CHECK(error_in(f.seek(farthest, seek_from::current)) == std::errc::invalid_argument);
        CHECK(f.seek(0, seek_from::current).value() == 7);
        CHECK(f.seek(12).value() == 12);
        CHECK(f.read(two).value() == 0);
        CHECK(f.write("z").value() == 1);
        CHECK(read_plainly(path) == std::string("01ab456789\0\0z", 13));
        CHECK(f.truncate(3).has_value());
        CHECK(f.size().value() == 3);
        CHECK(f.truncate(4).has_value());
        CHECK(read_plainly(path) == std::string("01a\0", 4));
    });
}

TEST_CASE("file: pread and pwrite leave the position, and many may run at once") {
    scratch dir;
    auto const path = dir / "a";
    on_each_runtime([&] {
        auto f = file::open(path, {.read = true, .write = true, .truncate = true, .create = true}).value();
        std::vector<ramie::join_handle<void>> writers;
        for (unsigned i = 0; i < 100; ++i) {
            writers.push_back(ramie::spawn([&f, i] {
                auto const text = std::to_string(1000 + i);
                CHECK(f.pwrite(text, i * 4).value() == 4);
                std::string back(4, '\0');
                CHECK(f.pread(back, i * 4).value() == 4);
                CHECK(back == text);
            }));
        }
        for (auto& each : writers) CHECK(soon([&] { return each.join(); }).has_value());
        CHECK(f.seek(0, seek_from::current).value() == 0);
        CHECK(f.size().value() == 400);
        std::string text(4, '\0');
        CHECK(f.pread(text, 400).value() == 0);
        CHECK(error_in(f.pread(text, ~0ull)) == std::errc::invalid_argument);
    });
}

TEST_CASE("file: append writes to the end, wherever that is by then") {
    scratch dir;
    auto const path = dir / "log";
    on_each_runtime([&] {
        write_plainly(path, "0\n");
        auto a = file::open(path, {.read = true, .append = true}).value();
        auto b = file::open(path, {.append = true, .create = true}).value();
        CHECK(a.write_all("1\n").has_value());
        CHECK(b.write_all("2\n").has_value());
        CHECK(a.write_all("3\n").has_value());
        CHECK(read_plainly(path) == "0\n1\n2\n3\n");
        CHECK(all_text_from(a) == "0\n1\n2\n3\n");
    });
}

TEST_CASE("file: how it is opened, and what is wrong with it") {
    scratch dir;
    auto const path = dir / "a";
    on_each_runtime([&] {
        std::filesystem::remove(path);
        CHECK(error_in(file::open(path)) == std::errc::no_such_file_or_directory);
        CHECK(error_in(file::open(path, {.write = true})) == std::errc::no_such_file_or_directory);
        CHECK(file::open(path, {.write = true, .create_new = true, .permissions = 0600}).has_value());
        struct stat about {};
        CHECK(::stat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0600);
        CHECK(error_in(file::open(path, {.write = true, .create_new = true})) == std::errc::file_exists);
        write_plainly(path, "text");
        auto kept = file::open(path, {.write = true, .create = true}).value();
        CHECK(kept.size().value() == 4);
        std::string text(4, '\0');
        CHECK(error_in(kept.read(text)) == std::errc::bad_file_descriptor);  // not open for reading
        CHECK(file::create(path).value().size().value() == 0);
        CHECK(error_in(file::open(std::string("a\0b", 3))) == std::errc::invalid_argument);
        CHECK((::fcntl(kept.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    });
    CHECK_THROWS_AS((void)file::open(path, {}), std::invalid_argument);
    CHECK_THROWS_AS((void)file::open(path, {.read = true, .truncate = true}), std::invalid_argument);
    CHECK_THROWS_AS((void)file::open(path, {.read = true, .create = true}), std::invalid_argument);
    CHECK_THROWS_AS((void)file::open(path, {.append = true, .truncate = true}), std::invalid_argument);
    CHECK_THROWS_AS((void)file::open(path, {.write = true, .permissions = 010000}), std::invalid_argument);
}

TEST_CASE("file: moving takes it along, closing ends it") {
    scratch dir;
    auto const path = dir / "a";
    on_each_runtime([&] {
        write_plainly(path, "0123");
        auto first = file::open(path).value();
        std::string two(2, '\0');
        CHECK(first.read(two).value() == 2);
        auto second = std::move(first);
        CHECK(second.read(two).value() == 2);
        CHECK(two == "23");
        CHECK(error_in(first.read(two)) == std::errc::bad_file_descriptor);
        CHECK(first.native_handle() == -1);
        first = std::move(second);
        CHECK(first.native_handle() >= 0);
        first.close();
        first.close();
        CHECK(first.native_handle() == -1);
        CHECK(error_in(first.read(two)) == std::errc::bad_file_descriptor);
        CHECK(error_in(first.size()) == std::errc::bad_file_descriptor);
        CHECK(error_in(first.seek(0)) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("file: a timeout or an abort at any moment leaves the file usable and the position right") {
    scratch dir;
    auto const path = dir / "a";
    auto const text = numbers(1'000'000);
    write_plainly(path, text);
    on_each_runtime([&] {
        auto in = file::open(path).value();
        std::string got, part(1000, '\0');
        for (int i = 0; got.size() < 200'000; ++i) {
            auto const count = ramie::timeout(std::chrono::microseconds(i % 50), [&] { return in.read(part).value(); });
            if (count) got.append(part, 0, *count);
            auto reading = ramie::spawn([&] {
                auto const n = in.read(part).value();
                got.append(part, 0, n);
            });
            if (i % 2 == 0) ramie::this_fiber::yield();
            (void)soon([&] { return reading.abort_and_join(); });
        }
        CHECK(got == text.substr(0, got.size()));
    });
}

TEST_CASE("file: copy between files and sockets") {
    scratch dir;
    auto const from = dir / "from", to = dir / "to";
    auto const text = numbers(500'000);
    write_plainly(from, text);
    on_each_runtime([&] {
        auto pair = connect_pair();
        auto sending = ramie::spawn([&] {
            CHECK(ramie::copy(file::open(from).value(), pair.here).value() == text.size());
            CHECK(pair.here.shutdown_write().has_value());
        });
        CHECK(soon([&] { return ramie::copy(pair.there, file::create(to).value()); }).value() == text.size());
        sending.get();
        CHECK(read_plainly(to) == text);
    });
}

TEST_CASE("file: a shutdown of the runtime while files are being read") {
    scratch dir;
    auto const path = dir / "a";
    write_plainly(path, numbers(100'000));
    auto const before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        ramie::run({.workers = 2}, [&] {
            for (int n = 0; n < 20; ++n) {
                ramie::spawn([&] {
                    for (;;) (void)ramie::read_file(path);
                }).detach();
            }
            ramie::this_fiber::yield();
        });
        CHECK(open_descriptors() == before);
    }
}
