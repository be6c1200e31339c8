// libramie-hook: numbers that some threads close and others open, and numbers that are not open.
#include "chance.hpp"
#include "child_process.hpp"
#include "plain_fds.hpp"

#include <ramie/command.hpp>
#include <ramie/file.hpp>
#include <ramie/pipe.hpp>
#include <ramie/resolve.hpp>
#include <ramie/signals.hpp>
#include <ramie/tcp.hpp>
#include <ramie/unix_stream.hpp>

#include <atomic>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

using namespace ramie::testing;

TEST_CASE("numbers: a fiber waits on one that a thread is just done with closing") {
    // Threads close numbers that fibers get next, before the threads have removed them from the table.
    ramie::run({.workers = 2}, [] {
        std::atomic<bool> done{false};
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                while (!done)
                    for (int j = 0; j < 20; ++j) ::close(::dup(0));
            });
        auto const talk = [] {
            int wrong = 0;
            for (std::size_t i = 0; i < rounds(2000); ++i) {
                auto ends = pipe_pair();
                auto writing = ramie::spawn([&] { return ::write(ends.there, "x", 1); });
                char b;
                wrong += result_of([&] { return ::read(ends.here, &b, 1); }) != said{1, 0};
                wrong += writing.get() != 1;
            }
            return wrong;
        };
        auto other = ramie::spawn(talk);
        CHECK(talk() == 0);
        CHECK(other.get() == 0);
        done = true;
        for (auto& each : threads) each.join();
    });
}

namespace {

// In pages of 4 KiB and more.
std::size_t resident_bytes() {
    std::size_t whole = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> whole >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Which of the numbers 0, 1 and 2 are open, as text.
std::string standard_ones_open() {
    std::string open;
    for (int fd : {0, 1, 2})
        if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd);
    return open.empty() ? "none" : open;
}

}  // namespace

TEST_CASE("numbers: one that is not open is EBADF, and costs no memory") {
    on_each_runtime([] {
        auto const before = resident_bytes();
        for (int const fd : {100'000, 20'000'000, 1 << 29, std::numeric_limits<int>::max()}) {
            CAPTURE(fd);
            char b = 0;
            CHECK(result_of([&] { return ::accept(fd, nullptr, nullptr); }) == said{-1, EBADF});
            CHECK(result_of([&] { return ::read(fd, &b, 1); }) == said{-1, EBADF});
            CHECK(result_of([&] { return ::send(fd, &b, 1, 0); }) == said{-1, EBADF});
            CHECK(result_of([&] { return ::close(fd); }) == said{-1, EBADF});
            auto const ends = socket_pair();
            pollfd asked[]{{fd, POLLIN, 0}, {ends.here, POLLIN, 0}};
            CHECK(::poll(asked, 2, -1) == 1);
            CHECK(asked[0].revents == POLLNVAL);
        }
        CHECK(resident_bytes() < before + (32u << 20));  // entries up to 20,000,000 are 2 GB
    });
}

TEST_CASE("numbers: what Ramie opens is none of 0, 1 and 2, where these are closed (forks)") {
    auto const end = in_child([] {
        auto const out = ::fcntl(1, F_DUPFD_CLOEXEC, 20);
        auto const say = [&](char const* what) {
            auto const line = std::string(what) + ": " + standard_ones_open() + "\n";
            (void)!::write(out, line.data(), line.size());
        };
        for (int fd : {0, 1, 2}) ::close(fd);
        ramie::runtime of_program({.workers = 2});
        say("runtime");
        of_program.block_on([&] {
            auto listener = ramie::tcp_listener::bind({ramie::endpoint::loopback_v4(0)}).value();
            auto connecting = ramie::spawn([at = listener.local_endpoint()] { return ramie::tcp_stream::connect(at).value(); });
            auto const accepted = listener.accept().value();
            auto const connected = connecting.get();
            say("tcp");
            auto both = ramie::unix_stream::pair().value();
            std::byte b[1]{};
            int const given[]{both.first.native_handle()};
            (void)both.first.send_fds(b, given).value();
            auto const taken = both.second.receive_fds(b, 1).value();
            say("unix");
            auto const pipe = ramie::make_pipe().value();
            auto const file = ramie::file::open("/proc/self/stat").value();
            auto const null = ramie::file::open("/dev/null").value();
            say("files");
            ramie::signals const listening({SIGUSR1});
            auto const child = ramie::command("true").output().value();
            say(child.status.success() ? "command" : "no command");
            (void)ramie::resolve("localhost", 80);
            ramie::this_fiber::sleep_for(1ms);
            // A number that Ramie watches already is watched through a copy.
            auto waiting = ramie::spawn([&] { return ::read(both.second.native_handle(), b, 1); });
            ramie::this_fiber::sleep_for(5ms);
            say("copy");
            pollfd asked{both.first.native_handle(), POLLIN, 0};
            auto polling = ramie::spawn([&] { return ::poll(&asked, 1, 5000); });
            ramie::this_fiber::sleep_for(5ms);
            say("poll");
            (void)both.first.write(b).value();
            (void)both.second.write(b).value();
            (void)waiting.join();
            (void)polling.get();
            ramie::run({.workers = 1}, [] {});

            // A user's own call follows the system's rule, and its descriptors are waited for like any other.
            int ends[2];
            say(::pipe(ends) == 0 && ends[0] == 0 && ends[1] == 1 ? "a pipe of the user's" : "another pipe");
            auto reading = ramie::spawn([&] { return ::read(0, b, 1); });
            ramie::this_fiber::sleep_for(1ms);
            (void)!::write(1, "x", 1);
            say(reading.get() == 1 ? "read" : "not read");
            ::close(0);
            ::close(1);
        });
        say("end");
    });
    CHECK(end.exited_with(0));
    CHECK(end.output == "runtime: none\ntcp: none\nunix: none\nfiles: none\ncommand: none\ncopy: none\npoll: none\n"
                        "a pipe of the user's: 01\nread: 01\nend: none\n");
}
