// libramie-hook: stdio on pipes and sockets. If a FILE function has to wait, its fiber waits, and the others run.
#include "child_process.hpp"
#include "plain_fds.hpp"

#include <ramie/detail/ground/config.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <stdio_ext.h>
#include <sys/stat.h>

using namespace ramie::testing;

namespace stdio_test {

struct closes {
    void operator()(FILE* f) const { std::fclose(f); }
};
using file = std::unique_ptr<FILE, closes>;

inline file open_for(int& fd, char const* mode) { return file(::fdopen(std::exchange(fd, -1), mode)); }

// What a reader got, as text.
using read_call = std::function<std::string(FILE*)>;
inline std::string line_by_getline(FILE* f, int delimiter) {
    char* line = nullptr;
    std::size_t size = 0;
    auto const n = delimiter == '\n' ? ::getline(&line, &size, f) : ::getdelim(&line, &size, delimiter, f);
    std::string const result = n < 0 ? "none" : std::string(line, static_cast<std::size_t>(n));
    std::free(line);
    return result;
}
inline std::string byte(int c) { return c == EOF ? "none" : std::string(1, static_cast<char>(c)); }

struct reading {
    char const* name;
    read_call call;
    std::string wanted;  // what it should read from "12;ab\n"
};
std::vector<reading> const readings = {
    {"fgets",
     [](FILE* f) {
         char b[100];
         return std::string(std::fgets(b, sizeof b, f) != nullptr ? b : "none");
     },
     "12;ab\n"},
    {"fgets of so many",
     [](FILE* f) {
         char b[4];
         return std::string(std::fgets(b, sizeof b, f) != nullptr ? b : "none");
     },
     "12;"},
    {"getline", [](FILE* f) { return line_by_getline(f, '\n'); }, "12;ab\n"},
    {"getdelim", [](FILE* f) { return line_by_getline(f, ';'); }, "12;"},
    {"fgetc", [](FILE* f) { return byte(std::fgetc(f)); }, "1"},
    {"getc", [](FILE* f) { return byte(getc(f)); }, "1"},
    {"getc_unlocked", [](FILE* f) { return byte(getc_unlocked(f)); }, "1"},
    {"fread",
     [](FILE* f) {
         char b[5];
         return std::string(b, std::fread(b, 1, sizeof b, f));
     },
     "12;ab"},
    {"fscanf",
     [](FILE* f) {
         int n = 0;
         return std::fscanf(f, "%d", &n) == 1 ? std::to_string(n) : "none";
     },
     "12"},
};

struct writing {
    char const* name;
    std::function<bool(FILE*)> call;  // writes "x=7\n"
};
std::vector<writing> const writings = {
    {"fputs", [](FILE* f) { return std::fputs("x=7\n", f) >= 0; }},
    {"fwrite", [](FILE* f) { return std::fwrite("x=7\n", 1, 4, f) == 4; }},
    {"fprintf", [](FILE* f) { return std::fprintf(f, "x=%d\n", 7) == 4; }},
    {"fputc",
     [](FILE* f) {
         for (char const c : std::string("x=7\n"))
             if (std::fputc(c, f) != c) return false;
         return true;
     }},
    {"putc_unlocked",
     [](FILE* f) {
         for (char const c : std::string("x=7\n"))
             if (putc_unlocked(c, f) != c) return false;
         return true;
     }},
};

inline std::string read_all(int fd) {
    std::string all;
    char b[65536];
    for (ssize_t n; (n = ::read(fd, b, sizeof b)) > 0;) all.append(b, static_cast<std::size_t>(n));
    return all;
}

inline void fill_pipe(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string const much(4096, 'f');
    while (::write(fd, much.data(), much.size()) > 0) {}
    ::fcntl(fd, F_SETFL, 0);
}

inline std::size_t threads() {
    std::size_t n = 0;
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/task")) n += each.is_directory() ? 1 : 0;
    return n;
}

TEST_CASE("hook: stdio that reads from a pipe or a socket waits with its fiber, without a thread") {
    for (auto const& each : readings) {
        CAPTURE(each.name);
        for (bool const is_socket : {true, false}) {
            ramie::run({.current_thread = true}, [&] {
                auto ends = is_socket ? socket_pair() : pipe_pair();
                auto const from = open_for(ends.here, "r");
                CHECK(::fileno(from.get()) >= 0);
                auto const before = threads();
                auto waiting = parked([&] { return each.call(from.get()); });
                CHECK(!waiting.is_finished());
                CHECK(threads() == before);
                CHECK(::write(ends.there, "12;ab\n", 6) == 6);
                CHECK(waiting.get() == each.wanted);
            });
        }
    }
}

TEST_CASE("hook: stdio that gets what it wants piece by piece, and then the end, says what it says to a thread") {
    for (auto const& each : readings) {
        CAPTURE(each.name);
        auto const all = [&](FILE* f, auto&& pause) {
            std::string said;
            for (int i = 0; i < 12 && std::feof(f) == 0; ++i) {
                said += each.call(f) + "|";
                pause();
            }
            return said;
        };
        auto const talk = [](int fd, auto&& pause) {
            for (auto const* piece : {"1", "2;", "ab", "\n", "34;c", "d\n5"}) {
                pause();
                (void)!::write(fd, piece, std::strlen(piece));
            }
            pause();
            ::close(fd);
        };
        std::string expected, got;
        {
            auto ends = socket_pair();
            auto const from = open_for(ends.here, "r");
            std::thread writer([&, fd = std::exchange(ends.there, -1)] { talk(fd, [] { ::usleep(1000); }); });
            expected = all(from.get(), [] {});
            writer.join();
        }
        ramie::run({.current_thread = true}, [&] {
            auto ends = socket_pair();
            auto const from = open_for(ends.here, "r");
            auto writer = ramie::spawn([&, fd = std::exchange(ends.there, -1)] { talk(fd, [] { let_others_park(); }); });
            got = all(from.get(), [] { ::sched_yield(); });
            writer.get();
        });
        CHECK(got == expected);
    }
}

TEST_CASE("hook: stdio that writes into a full pipe waits with its fiber, and all arrives in order") {
    for (auto const& each : writings) {
        CAPTURE(each.name);
        ramie::run({.current_thread = true}, [&] {
            auto ends = pipe_pair();
            fill_pipe(ends.there);
            auto const fd = ends.there;
            auto to = open_for(ends.there, "w");
            auto writing = parked([&] {
                for (int i = 0; i < 30'000; ++i)
                    if (!each.call(to.get())) return false;
                return std::fclose(to.release()) == 0;
            });
            CHECK(!writing.is_finished());
            auto const all = read_all(ends.here);
            CHECK(writing.get());
            CHECK(::fcntl(fd, F_GETFD) == -1);  // it was closed
            std::string wanted;
            for (int i = 0; i < 30'000; ++i) wanted += "x=7\n";
            CHECK(all.substr(all.find('x')) == wanted);
        });
    }
}

TEST_CASE("hook: stdio of more than a pipe holds, in one call") {
    ramie::run({.current_thread = true}, [] {
        auto ends = pipe_pair();
        auto to = open_for(ends.there, "w");
        std::string const much(1'000'000, 'm');
        auto writing = parked([&] {
            auto const n = std::fwrite(much.data(), 1, much.size(), to.get());
            std::fclose(to.release());
            return n;
        });
        CHECK(!writing.is_finished());
        CHECK(read_all(ends.here) == much);
        CHECK(writing.get() == much.size());
    });
}

TEST_CASE("hook: an abort and a timeout end a wait in stdio, with an error, also in the middle of a line") {
    ramie::run({.current_thread = true}, [] {
        for (auto const* begun : {"", "begun"}) {
            for (bool const by_abort : {true, false}) {
                CAPTURE(begun);
                CAPTURE(by_abort);
                auto ends = pipe_pair();
                auto const from = open_for(ends.here, "r");
                (void)!::write(ends.there, begun, std::strlen(begun));
                bool got = true;
                int error = 0;
                auto const read_a_line = [&] {
                    char b[100];
                    got = std::fgets(b, sizeof b, from.get()) != nullptr;
                    error = errno;
                };
                auto reader = parked([&] {
                    if (by_abort) read_a_line();
                    else (void)ramie::timeout(5ms, read_a_line);
                });
                if (by_abort) reader.abort();
                (void)reader.join();
                CHECK(!got);
                CHECK(error == (by_abort ? ECANCELED : ETIMEDOUT));
                CHECK(std::ferror(from.get()) != 0);
            }
        }
        auto ends = pipe_pair();
        auto const fd = ends.there;
        auto to = open_for(ends.there, "w");
        CHECK(std::fputs("lost", to.get()) >= 0);
        fill_pipe(fd);
        int result = 0;
        auto closing = parked([&] { result = std::fclose(to.release()); });
        CHECK(!closing.is_finished());
        closing.abort();
        (void)closing.join();
        CHECK(result == EOF);
        CHECK(::fcntl(fd, F_GETFD) == -1);
    });
}

TEST_CASE("hook: one fiber waits for a line of a FILE, and another writes to the same") {
    ramie::run({.current_thread = true}, [] {
        auto ends = socket_pair();
        auto const both = open_for(ends.here, "r+");
        auto reading = parked([&] {
            char b[100];
            return std::string(std::fgets(b, sizeof b, both.get()) != nullptr ? b : "none");
        });
        CHECK(std::fputs("question\n", both.get()) >= 0);
        CHECK(std::fflush(both.get()) == 0);
        char b[9];
        CHECK(::recv(ends.there, b, sizeof b, MSG_WAITALL) == 9);
        CHECK(::write(ends.there, "answer\n", 7) == 7);
        CHECK(reading.get() == "answer\n");
    });
}

TEST_CASE("hook: hundreds of fibers wait in fgets on a few threads") {
    ramie::run({.workers = 2}, [] {
        std::vector<std::unique_ptr<two_fds>> all;
        std::vector<ramie::join_handle<std::string>> readers;
        for (int i = 0; i < 400; ++i) {
            int ends[2];
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
            all.push_back(std::make_unique<two_fds>(ends[0], ends[1]));
            readers.push_back(ramie::spawn([fd = std::exchange(all.back()->here, -1)] {
                file const from(::fdopen(fd, "r"));
                char b[100];
                return std::string(std::fgets(b, sizeof b, from.get()) != nullptr ? b : "none");
            }));
        }
        let_others_park();
        CHECK(threads() < 20);
        for (auto const& each : all) CHECK(::write(each->there, "a line\n", 7) == 7);
        for (auto& each : readers) CHECK(each.get() == "a line\n");
    });
}

TEST_CASE("hook: many fibers print into one pipe, by one FILE: no line is torn, and none is lost") {
    on_each_runtime([] {
        constexpr int writers = 20, lines = 500;
        auto ends = pipe_pair();
        auto to = open_for(ends.there, "w");
        std::vector<ramie::join_handle<void>> all;
        for (int w = 0; w < writers; ++w)
            all.push_back(ramie::spawn([&, w] {
                for (int i = 0; i < lines; ++i) {
                    std::fprintf(to.get(), "writer %d says line %d\n", w, i);
                    if (i % 50 == 0) std::fflush(to.get());
                }
            }));
        auto printed = ramie::spawn([&] { return read_all(ends.here); });
        for (auto& each : all) each.get();
        CHECK(std::fclose(to.release()) == 0);
        std::istringstream text(printed.get());
        std::vector<int> next(writers, 0);
        int count = 0;
        for (std::string line; std::getline(text, line); ++count) {
            int w = -1, i = -1;
            REQUIRE_MESSAGE(std::sscanf(line.c_str(), "writer %d says line %d", &w, &i) == 2, line);
            REQUIRE(i == next.at(static_cast<std::size_t>(w))++);
        }
        CHECK(count == writers * lines);
    });
}

TEST_CASE("hook: stdio on a regular file, in memory and under flockfile is made in place") {
    ramie::run({.current_thread = true}, [] {
        file const regular(std::tmpfile());
        CHECK(std::fprintf(regular.get(), "%s %d\n", "number", 5) == 9);
        std::rewind(regular.get());
        char word[10];
        int number = 0;
        CHECK(std::fscanf(regular.get(), "%9s %d", word, &number) == 2);
        CHECK(number == 5);
        char* text = nullptr;
        std::size_t size = 0;
        auto* const memory = ::open_memstream(&text, &size);
        std::fprintf(memory, "%05d", 42);
        std::fclose(memory);
        CHECK(std::string(text) == "00042");
        std::free(text);
        auto ends = pipe_pair();
        auto const to = open_for(ends.there, "w");
        ::flockfile(to.get());
        std::fputs("held\n", to.get());
        CHECK(std::fflush(to.get()) == 0);
        ::funlockfile(to.get());
        char b[6];
        CHECK(::read(ends.here, b, sizeof b) == 5);
    });
}

TEST_CASE("hook: stdin and stdout") {
#if defined(RAMIE_TSAN)
    return;  // TSan lets no forked child start threads once there were fibers
#endif
    auto const end = in_child([] {
        ::alarm(20);
        auto ends = pipe_pair();
        ::dup2(ends.here, STDIN_FILENO);
        std::clearerr(stdin);
        ramie::run({.current_thread = true}, [&] {
            std::string order;
            auto reader = ramie::spawn([&] {
                char line[100];
                int number = 0;
                if (std::fgets(line, sizeof line, stdin) == nullptr) return;
                order += "r";
                std::printf("line %s", line);
                std::printf("byte %c\n", std::getchar());
                if (std::scanf("%d", &number) == 1) std::printf("number %d\n", number);
                std::puts("end");
                std::fflush(stdout);
            });
            ramie::spawn([&] {
                ramie::this_fiber::yield();
                order += "w";
                for (auto const* piece : {"one\n", "b", "4", "2 "}) {
                    (void)!::write(ends.there, piece, std::strlen(piece));
                    let_others_park();
                }
            }).detach();
            reader.get();
            std::printf("%s\n", order.c_str());
        });
    });
    CHECK(end.exited_with(0));
    CHECK(end.output == "line one\nbyte b\nnumber 42\nend\nwr\n");
}

}  // namespace stdio_test
