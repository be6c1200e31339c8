// Starting programs: they get what they are given, and nothing else.
#include "child_process.hpp"
#include "children.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/signals.hpp>
#include <ramie/spawn.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace ramie::testing;
using ramie::command;
using ramie::stdio;

TEST_CASE("command: the output, both kinds, and the code") {
    on_each_runtime_without_traces([] {
        auto const done = soon([] { return shell("echo out; echo err >&2; exit 3").output(); }).value();
        CHECK(done.out == "out\n");
        CHECK(done.err == "err\n");
        CHECK(done.status.code() == 3);
        CHECK(!done.status.success());
        CHECK(!done.status.signal());
        CHECK(soon([] { return command("true").status(); }).value().success());
        CHECK(soon([] { return command("cat").output(); }).value().out.empty());  // its input is /dev/null
    });
}

TEST_CASE("command: more than the pipes hold, both ways at once") {
    on_each_runtime_without_traces([] {
        auto const done = soon([] { return shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2").output(); });
        CHECK(done.value().out.size() == 300'000);
        CHECK(done.value().err.size() == 300'000);
        auto cat = command("cat").in(stdio::piped()).out(stdio::piped()).spawn().value();
        std::string const text(1'000'000, 'x');
        auto writing = ramie::spawn([&, in = std::move(*cat.in)]() mutable {
            CHECK(in.write_all(text).value() == text.size());
        });
        cat.in.reset();
        CHECK(soon([&] { return all_from(*cat.out); }) == text);
        writing.get();
        CHECK(soon([&] { return cat.wait(); }).value().success());
    });
}

TEST_CASE("command: arguments and environment arrive as they are") {
    on_each_runtime_without_traces([] {
        auto const done = soon([] { return command("printf").args({"<%s>", "", "a b", "'\"$HOME"}).output(); }).value();
        CHECK(done.out == "<><a b><'\"$HOME>");
        ::setenv("RAMIE_TEST_A", "inherited", 1);
        ::setenv("RAMIE_TEST_B", "inherited", 1);
        auto const vars = soon([] {
                              return shell("echo $RAMIE_TEST_A,$RAMIE_TEST_B,$RAMIE_TEST_C,${HOME+set}")
                                  .env("RAMIE_TEST_A", "changed")
                                  .env_remove("RAMIE_TEST_B")
                                  .env("RAMIE_TEST_C", "a=b c")
                                  .output();
                          }).value();
        CHECK(vars.out == std::string("changed,,a=b c,") + (std::getenv("HOME") != nullptr ? "set\n" : "\n"));
        auto const bare = soon([] { return command("/usr/bin/env").env_clear().env("ONLY", "this").output(); }).value();
        CHECK(bare.out == "ONLY=this\n");
    });
}

TEST_CASE("command: the directory it starts in") {
    on_each_runtime_without_traces([] {
        CHECK(soon([] { return command("pwd").current_dir("/usr").output(); }).value().out == "/usr\n");
        auto const here = command("./sh").args({"-c", "echo here"}).current_dir("/bin");
        CHECK(soon([&] { return here.output(); }).value().out == "here\n");
    });
}

TEST_CASE("command: what cannot be executed is an error of spawn, with its reason") {
    on_each_runtime_without_traces([] {
        auto const before = open_descriptors();
        CHECK(error_in(command("/no/such/program").spawn()) == std::errc::no_such_file_or_directory);
        CHECK(error_in(command("no-such-program-in-path").status()) == std::errc::no_such_file_or_directory);
        CHECK(error_in(command("/etc/passwd").output()) == std::errc::permission_denied);
        CHECK(error_in(command("true").current_dir("/no/such").spawn()) == std::errc::no_such_file_or_directory);
        CHECK(error_in(command("true").out(stdio::from(12345)).spawn()) == std::errc::bad_file_descriptor);
        CHECK(open_descriptors() == before);
        CHECK(children() == 0);
    });
    CHECK_THROWS_AS((void)command("true").spawn(), ramie::no_runtime);
    CHECK_THROWS_AS(command(std::string("a\0b", 3)), std::invalid_argument);
    CHECK_THROWS_AS(command("true").arg(std::string("a\0b", 3)), std::invalid_argument);
    CHECK_THROWS_AS(command("true").env("", "x"), std::invalid_argument);
    CHECK_THROWS_AS(command("true").env("A=B", "x"), std::invalid_argument);
    CHECK_THROWS_AS(command("true").pass(-1), std::invalid_argument);
}

TEST_CASE("command: the child has its standard descriptors and what was passed on, nothing else") {
    on_each_runtime_without_traces([] {
        auto listener = listener_on_loopback();
        int leaky[2];
        REQUIRE(::pipe(leaky) == 0);  // without close-on-exec
        int passed[2];
        REQUIRE(::pipe2(passed, O_CLOEXEC) == 0);
        // ls itself has one more open, for the directory.
        auto const plain = soon([] { return command("ls").arg("/proc/self/fd").output(); }).value();
        CHECK(plain.out == "0\n1\n2\n3\n");
        auto const passing = shell("echo through >&4; ls /proc/self/fd").pass(leaky[0]).pass(passed[1]);
        auto const given = soon([&] { return passing.output(); }).value();
        CHECK(given.out == "0\n1\n2\n3\n4\n5\n");
        char text[16];
        CHECK(::read(passed[0], text, sizeof text) == 8);
        for (int const fd : {leaky[0], leaky[1], passed[0], passed[1]}) ::close(fd);
    });
}

TEST_CASE("command: descriptors of the caller's for its input and output") {
    on_each_runtime_without_traces([] {
        int ends[2], back[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        REQUIRE(::pipe2(back, O_CLOEXEC) == 0);
        REQUIRE(::write(ends[1], "words", 5) == 5);
        ::close(ends[1]);
        // Both ends from one pipe: out and err.
        auto const to_one = stdio::from(back[1]);
        auto const both = shell("cat; echo oops >&2").in(stdio::from(ends[0])).out(to_one).err(to_one);
        CHECK(soon([&] { return both.status(); }).value().success());
        ::close(back[1]);
        char text[100];
        std::string all;
        for (ssize_t n; (n = ::read(back[0], text, sizeof text)) > 0;) all.append(text, static_cast<std::size_t>(n));
        CHECK(all == "wordsoops\n");
        ::close(ends[0]);
        ::close(back[0]);
    });
}

TEST_CASE("command: standard descriptors that are closed here do not mix up the child's (forks)") {
    auto const end = in_child([] {
        bool const right = ramie::run({.workers = 1}, [] {
            int out[2], err[2];
            if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return false;
            ::close(0);
            ::close(1);
            auto const given = shell("echo out; echo err >&2").out(stdio::from(out[1])).err(stdio::from(err[1])).status();
            char text[2][10];
            bool const first = ::read(out[0], text[0], 10) == 4 && std::string_view(text[0], 4) == "out\n";
            bool const second = ::read(err[0], text[1], 10) == 4 && std::string_view(text[1], 4) == "err\n";
            auto const piped = shell("cat; echo out; echo err >&2").output();  // the pipes are 0 and 1 here
            ::close(2);
            auto const passed =
                shell("echo out >&3; echo err >&2").err(stdio::from(err[1])).pass(out[1]).status();
            bool const third = ::read(out[0], text[0], 10) == 4 && std::string_view(text[0], 4) == "out\n";
            bool const fourth = ::read(err[0], text[1], 10) == 4 && std::string_view(text[1], 4) == "err\n";
            return given && first && second && piped && piped->out == "out\n" && piped->err == "err\n" && passed &&
                   third && fourth;
        });
        if (!right) ::_exit(3);
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("command: the child blocks no signal and ignores none, whatever this process does") {
    on_each_runtime_without_traces([] {
        sigset_t all, before;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before);
        auto* const was = ::signal(SIGUSR1, SIG_IGN);
        ramie::signals listening{SIGUSR2};
        auto const done = command("cat").arg("/proc/self/status").output();  // as this thread is now
        ::signal(SIGUSR1, was);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        auto const& status = done.value().out;
        auto const set = [&](std::string_view name) {
            auto const at = status.find(name);
            REQUIRE(at != status.npos);
            return std::stoull(status.substr(at + name.size()), nullptr, 16);
        };
        constexpr auto c_library = 3ull << 31;  // 32 and 33, its own
        CHECK(set("SigBlk:") == 0);
        CHECK((set("SigIgn:") & ~c_library) == 0);
        CHECK(set("SigCgt:") == 0);
    });
}

TEST_CASE("command: a process group of its own") {
    on_each_runtime_without_traces([] {
        auto child = command("sleep").arg("1000").own_process_group().kill_on_drop().spawn().value();
        CHECK(::getpgid(child.id()) == child.id());
        auto other = command("sleep").arg("1000").kill_on_drop().spawn().value();
        CHECK(::getpgid(other.id()) == ::getpgrp());
    });
}

TEST_CASE("command: one command starts many") {
    on_each_runtime_without_traces([] {
        auto const hello = command("echo").arg("hello");
        for (int i = 0; i < 3; ++i) CHECK(soon([&] { return hello.output(); }).value().out == "hello\n");
    });
}

TEST_CASE("command: output() takes so much of each, and a child that writes more is ended") {
    on_each_runtime_without_traces([] {
        auto const so_much = [](std::string script, std::size_t limit) {
            return soon([&] { return shell(std::move(script)).output_limit(limit).output(); });
        };
        CHECK(so_much("printf 12345; printf abcde >&2", 5).value().out == "12345");
        CHECK(so_much("printf 12345; printf abcde >&2", 5).value().err == "abcde");
        CHECK(so_much("true", 0).value().out.empty());
        CHECK(error_in(so_much("printf 123456", 5)) == ramie::stream_errc::too_long);
        CHECK(error_in(so_much("printf abcdef >&2", 5)) == ramie::stream_errc::too_long);
        // These would never end by themselves: one writes for ever, the others just run.
        CHECK(error_in(so_much("exec cat /dev/zero", 1'000'000)) == ramie::stream_errc::too_long);
        CHECK(error_in(so_much("echo x; exec sleep 1000", 1)) == ramie::stream_errc::too_long);
        CHECK(error_in(so_much("echo x >&2; exec sleep 1000", 1)) == ramie::stream_errc::too_long);
        auto const one_stream = shell("echo x; exec sleep 1000").err(stdio::null()).output_limit(1);
        CHECK(error_in(soon([&] { return one_stream.output(); })) == ramie::stream_errc::too_long);
        CHECK(comes_true([] { return children() == 0; }));
    });
}

#if !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)  // their memory does not follow the limit
TEST_CASE("command: a reader that finds no memory ends the other one, and the child (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 1}, [] {
            auto const endless =
                shell("exec cat /dev/zero").output_limit(ramie::buffered_reader<ramie::pipe_reader>::no_limit);
            (void)soon([] { return shell("echo; echo >&2").output(); });  // so that all threads and stacks exist
            long pages = 0;
            std::ifstream("/proc/self/statm") >> pages;
            rlimit unlimited{};
            ::getrlimit(RLIMIT_AS, &unlimited);
            rlimit const scarce{static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE) + (256 << 20)), unlimited.rlim_max};
            ::setrlimit(RLIMIT_AS, &scarce);
            try {
                (void)soon([&] { return endless.output(); });
            } catch (std::bad_alloc const&) {
                ::setrlimit(RLIMIT_AS, &unlimited);
                std::puts("no memory");
            }
            std::puts(comes_true([] { return children() == 0; }) ? "no child" : "it still runs");
        });
    });
    CHECK(end.output == "no memory\nno child\n");
}
#endif
