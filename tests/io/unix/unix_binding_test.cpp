// Binding to a left-over file while other processes do the same.
#include "sockets.hpp"
#include "temp_directory.hpp"
#include "unix/socket_file_claim.hpp"

#include <ramie/unix_datagram.hpp>
#include <ramie/unix_stream.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <new>
#include <vector>

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ramie::testing;
using ramie::unix_datagram;
using ramie::unix_endpoint;
using ramie::unix_listener;
using ramie::detail::socket_file_claim;

TEST_CASE("unix: while a process is about to listen there, no other removes the file, though it looks left over") {
    temp_directory const dir;
    ramie::run({.workers = 1}, [&] {
        auto const at = unix_endpoint::path(dir / "s").value();
        { auto const gone = unix_listener::bind(at).value(); }
        {
            socket_file_claim const of_somebody(at);
            CHECK(of_somebody.answer() == 0);
            CHECK(error_in(unix_listener::bind(at, {.replace_stale = true})) == std::errc::address_in_use);
            CHECK(error_in(unix_datagram::bind(at, true)) == std::errc::address_in_use);
            CHECK(std::filesystem::is_socket(at.name()));
        }
        CHECK(unix_listener::bind(at, {.replace_stale = true}).has_value());
        for (auto const& each : std::filesystem::directory_iterator(dir / "")) CHECK(each.path().filename() == "s");
    });
}

TEST_CASE("unix: a claim on a file is one's alone; the lock of a claimer that died is no obstacle, a link is") {
    temp_directory const dir;
    auto const at = unix_endpoint::path(dir / "s").value();
    std::ofstream(dir / "s.ramie-lock") << "left by somebody";
    {
        socket_file_claim const one(at), other(at);
        CHECK(one.answer() == 0);
        CHECK(other.answer() == -EADDRINUSE);
    }
    CHECK(socket_file_claim(at).answer() == 0);
    std::filesystem::create_symlink(dir / "precious", dir / "s.ramie-lock");
    CHECK(socket_file_claim(at).answer() == -ELOOP);
    CHECK_FALSE(std::filesystem::exists(dir / "precious"));
    ramie::run({.workers = 1}, [&] {
        { CHECK(unix_listener::bind(at).has_value()); }  // it removes nothing
        CHECK(error_in(unix_listener::bind(at)) == std::errc::address_in_use);
        CHECK(error_in(unix_listener::bind(at, {.replace_stale = true})) == std::errc::too_many_symbolic_link_levels);
        CHECK(std::filesystem::is_socket(at.name()));
    });
}

TEST_CASE("unix: a name without a file needs no claim") {
    CHECK(socket_file_claim(unix_endpoint()).answer() == 0);
    auto const name = unix_endpoint::abstract("ramie-test-" + std::to_string(::getpid())).value();
    socket_file_claim const one(name), other(name);
    CHECK(other.answer() == 0);
}

TEST_CASE("unix: of several processes that replace a left-over file at once, one listens (forks)") {
    struct meeting {
        std::atomic<int> arrived{0}, gone_on{0}, listening{0};
    };
    constexpr int processes = 3, rounds = 150;
    temp_directory const dir;
    auto const at = unix_endpoint::path(dir / "s").value();
    constexpr auto size = sizeof(meeting) * rounds;
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* const meetings = new (memory) meeting[rounds];
    auto const until_all_are_there = [](std::atomic<int>& count) {
        for (++count; count < processes;) ::sched_yield();
    };
    auto const take_part = [&] {
        ramie::run({.current_thread = true}, [&] {
            for (auto& each : std::span(meetings, rounds)) {
                until_all_are_there(each.arrived);
                auto const mine = unix_listener::bind(at, {.replace_stale = true});
                if (mine) ++each.listening;
                until_all_are_there(each.gone_on);
            }
        });
    };
    std::vector<pid_t> others;
    for (int i = 1; i < processes; ++i) {
        auto const pid = ::fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            ::alarm(120);
            take_part();
            ::_exit(0);
        }
        others.push_back(pid);
    }
    take_part();
    for (auto const pid : others) {
        int status = -1;
        CHECK(::waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    for (auto const& each : std::span(meetings, rounds)) CHECK(each.listening == 1);
    ::munmap(memory, size);
}
