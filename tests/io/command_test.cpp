// Starting programs: what they are given, how they end, and that nothing is left of them.
#include "child_process.hpp"
#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/command.hpp>
#include <ramie/copy.hpp>
#include <ramie/signals.hpp>
#include <ramie/spawn.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace ramie::testing;
using ramie::command;
using ramie::exit_status;
using ramie::stdio;

namespace {

command shell(std::string script) { return command("/bin/sh").args({"-c", std::move(script)}); }

std::string all_from(ramie::child_stdout& from) {
    std::string all;
    CHECK(ramie::buffered_reader(from).read_to_end(all).has_value());
    return all;
}

// Children of this process, zombies too.
std::size_t children() {
    std::size_t count = 0;
    for (auto const& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream list(thread.path() / "children");
        for (long pid = 0; list >> pid;) ++count;
    }
    return count;
}

bool comes_true(auto&& condition) {
    for (int i = 0; i < 20'000; ++i) {
        if (condition()) return true;
        ramie::this_fiber::sleep_for(1ms);
    }
    return false;
}

// As on_each_runtime(), and in the end no child may be left, nor a descriptor for one.
template <class F>
void on_each_runtime_without_traces(F const& f) {
    on_each_runtime([&f] {
        auto const before = open_descriptors();
        f();
        CHECK(comes_true([&] { return children() == 0 && open_descriptors() == before; }));
    });
}

// From now on this process gets EPERM for that system call, as in a strict sandbox.
void deny(int call) {
    sock_filter const steps[]{
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(call)},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    sock_fprog const program{std::size(steps), const_cast<sock_filter*>(steps)};
    REQUIRE(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

bool is_running(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

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
        auto writing = ramie::spawn([&, in = std::move(*cat.in)]() mutable { CHECK(in.write_all(text).value() == text.size()); });
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
        CHECK(soon([] { return command("./sh").args({"-c", "echo here"}).current_dir("/bin").output(); }).value().out == "here\n");
    });
}

TEST_CASE("command: what cannot be executed is an error of spawn, with its reason") {
    on_each_runtime_without_traces([] {
        auto const before = open_descriptors();
        CHECK(error_in(command("/no/such/program").spawn()) == std::errc::no_such_file_or_directory);
        CHECK(error_in(command("no-such-program-in-path").status()) == std::errc::no_such_file_or_directory);
        CHECK(error_in(command("/etc/passwd").output()) == std::errc::permission_denied);
        CHECK(error_in(command("true").current_dir("/no/such/directory").spawn()) == std::errc::no_such_file_or_directory);
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

TEST_CASE("command: killed by a signal, and by which") {
    on_each_runtime_without_traces([] {
        auto child = command("sleep").arg("1000").spawn().value();
        CHECK(!child.try_wait().value().has_value());
        CHECK(child.kill(SIGTERM).has_value());
        auto const end = soon([&] { return child.wait(); }).value();
        CHECK(end == exit_status::of_signal(SIGTERM, false));
        CHECK(to_string(end) == "killed by signal 15 (Terminated)");
        CHECK(!end.success());
        CHECK(!end.code());
        CHECK(child.try_wait().value() == end);
        CHECK(soon([&] { return child.wait(); }).value() == end);  // once more
        CHECK(error_in(child.kill()) == std::errc::no_such_process);
        CHECK(to_string(exit_status::of_code(2)) == "exit code 2");
    });
}

TEST_CASE("command: an abort or a timeout in wait leaves the child as it is") {
    on_each_runtime_without_traces([] {
        auto child = command("cat").in(stdio::piped()).spawn().value();
        auto in = std::move(*child.in);
        CHECK(!ramie::timeout(2ms, [&] { return child.wait(); }).has_value());
        auto waiting = ramie::spawn([&] { return child.wait(); });
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        CHECK(is_running(child.id()));
        auto again = ramie::spawn([&] { return child.wait(); });
        in.close();
        CHECK(soon([&] { return again.get(); }).value().success());
    });
}

TEST_CASE("command: wait closes the input, so that a child that reads it ends") {
    on_each_runtime_without_traces([] {
        auto child = command("cat").in(stdio::piped()).out(stdio::null()).spawn().value();
        CHECK(child.in->write_all("text").has_value());
        CHECK(soon([&] { return child.wait(); }).value().success());
    });
}

TEST_CASE("command: abort, timeout and close while its pipes wait") {
    on_each_runtime_without_traces([] {
        auto child = command("sleep").arg("1000").in(stdio::piped()).out(stdio::piped()).kill_on_drop().spawn().value();
        std::string text(10, '\0');
        auto const read = [&] { return child.out->read(text); };
        auto const write = [&] { return child.in->write_all(too_much()); };
        CHECK(!ramie::timeout(2ms, read).has_value());
        CHECK(!ramie::timeout(2ms, write).has_value());
        auto reading = ramie::spawn(read);
        auto writing = ramie::spawn(write);
        let_others_park();
        CHECK(reading.abort_and_join().error().is_cancelled());
        CHECK(writing.abort_and_join().error().is_cancelled());
        auto again = ramie::spawn(read);
        auto and_again = ramie::spawn(write);
        let_others_park();
        child.out->close();
        child.in->close();
        CHECK(error_in(soon([&] { return again.get(); })) == std::errc::operation_canceled);
        CHECK(error_in(soon([&] { return and_again.get(); })).code == std::errc::operation_canceled);
        CHECK(error_in(read()) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("command: writing to a child that does not read is an error, no signal") {
    on_each_runtime_without_traces([] {
        auto child = command("true").in(stdio::piped()).spawn().value();
        auto in = std::move(*child.in);
        CHECK(soon([&] { return child.wait(); }).value().success());
        CHECK(error_in(in.write("x")) == std::errc::broken_pipe);
    });
}

TEST_CASE("command: a child that outlives its handle runs on, and is reaped when it ends") {
    on_each_runtime_without_traces([] {
        std::vector<ramie::child_stdin> inputs;
        std::vector<pid_t> ids;
        for (int i = 0; i < 10; ++i) {
            auto child = command("cat").in(stdio::piped()).spawn().value();
            ids.push_back(child.id());
            inputs.push_back(std::move(*child.in));
        }
        CHECK(children() == ids.size());
        for (auto const id : ids) CHECK(is_running(id));
        inputs.clear();
        CHECK(comes_true([] { return children() == 0; }));
    });
}

TEST_CASE("command: orphans are reaped also after their runtime has gone") {
    auto const before = open_descriptors();
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ramie::run([&] { CHECK(command("cat").in(stdio::from(ends[0])).spawn().has_value()); });
    ::close(ends[0]);
    CHECK(children() == 1);
    ::close(ends[1]);
    CHECK(comes_true([] { return children() == 0; }));
    CHECK(comes_true([&] { return open_descriptors() == before; }));
}

TEST_CASE("command: kill_on_drop") {
    on_each_runtime_without_traces([] {
        { CHECK(command("sleep").arg("1000").kill_on_drop().spawn().has_value()); }
        CHECK(comes_true([] { return children() == 0; }));
        CHECK(!ramie::timeout(2ms, [] { return command("sleep").arg("1000").kill_on_drop().status(); }).has_value());
        auto running = ramie::spawn([] { return shell("echo x; exec sleep 1000").kill_on_drop().output(); });
        CHECK(comes_true([] { return children() >= 1; }));
        CHECK(running.abort_and_join().error().is_cancelled());
        CHECK(comes_true([] { return children() == 0; }));
    });
}

TEST_CASE("command: a thousand children at once") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    std::size_t const count = limit.rlim_cur < 4000 ? (limit.rlim_cur - 100) / 3 : 1000;
    CHECK(count == 1000);
    auto const before = open_descriptors();
    for (unsigned const workers : {1u, 4u}) {
        ramie::run({.workers = workers}, [count] {
            std::vector<ramie::child> all;
            for (std::size_t i = 0; i < count; ++i)
                all.push_back(shell("read x; exit $x").in(stdio::piped()).spawn().value());
            CHECK(children() == count);
            std::vector<ramie::join_handle<bool>> waiting;
            for (std::size_t i = 0; i < count; ++i) {
                waiting.push_back(ramie::spawn([&child = all[i], i] {
                    auto const code = static_cast<int>(i % 200);
                    if (!child.in->write_all(std::to_string(code) + "\n")) return false;
                    return child.wait().value().code() == code;
                }));
            }
            for (auto& each : waiting) CHECK(soon([&] { return each.get(); }));
            CHECK(children() == 0);
        });
        CHECK(open_descriptors() == before);
    }
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
        auto const given = soon([&] { return shell("echo through >&4; ls /proc/self/fd").pass(leaky[0]).pass(passed[1]).output(); }).value();
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
        // Both from one: out and err.
        CHECK(soon([&] { return shell("cat; echo oops >&2").in(stdio::from(ends[0])).out(stdio::from(back[1])).err(stdio::from(back[1])).status(); }).value().success());
        ::close(back[1]);
        char text[100];
        std::string all;
        for (ssize_t n; (n = ::read(back[0], text, sizeof text)) > 0;) all.append(text, static_cast<std::size_t>(n));
        CHECK(all == "wordsoops\n");
        ::close(ends[0]);
        ::close(back[0]);
    });
}

TEST_CASE("command: a standard descriptor that is closed here does not mix up the pipes") {
    auto const end = in_child([] {
        ::close(0);
        bool const right = ramie::run({.workers = 1}, [] {
            auto const done = shell("cat; echo out; echo err >&2").output();
            return done && done->out == "out\n" && done->err == "err\n";
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

TEST_CASE("command: somebody else reaps it, or SIGCHLD is ignored: an error, no hang") {
    auto const end = in_child([] {
        auto const right = ramie::run({.workers = 2}, [] {
            auto child = command("true").spawn().value();
            while (::waitpid(-1, nullptr, 0) < 0) {}
            bool const first = error_in(child.wait()) == std::errc::no_child_process;
            ::signal(SIGCHLD, SIG_IGN);
            auto quick = command("true").spawn().value();
            auto slow = shell("read x").in(stdio::piped()).spawn().value();
            return first && error_in(quick.wait()) == std::errc::no_child_process &&
                   error_in(slow.wait()) == std::errc::no_child_process;
        });
        if (!right) ::_exit(3);
    });
    CHECK(end.exited_with(0));
}

TEST_CASE("command: children while SIGCHLD and others interrupt every system call") {
    static std::atomic<int> interruptions = 0;
    struct sigaction counting {}, before {};
    counting.sa_handler = [](int) { ++interruptions; };  // without SA_RESTART
    REQUIRE(::sigaction(SIGCHLD, &counting, &before) == 0);
    on_each_runtime_without_traces([] {
        std::vector<ramie::join_handle<bool>> all;
        for (int i = 0; i < 20; ++i)
            all.push_back(ramie::spawn([] { return shell("echo x").output().value().out == "x\n"; }));
        for (auto& each : all) CHECK(soon([&] { return each.get(); }));
    });
    CHECK(interruptions > 0);
    ::sigaction(SIGCHLD, &before, nullptr);
}

TEST_CASE("command: one command starts many") {
    on_each_runtime_without_traces([] {
        auto const hello = command("echo").arg("hello");
        for (int i = 0; i < 3; ++i) CHECK(soon([&] { return hello.output(); }).value().out == "hello\n");
    });
}

TEST_CASE("command: alone and without pidfds" * doctest::skip()) {
    deny(SYS_pidfd_open);
    REQUIRE(::syscall(SYS_pidfd_open, ::getpid(), 0) == -1);
    on_each_runtime_without_traces([] {
        CHECK(soon([] { return shell("echo out; exit 3").output(); }).value().status.code() == 3);
        std::vector<ramie::join_handle<bool>> all;
        for (int i = 0; i < 50; ++i)
            all.push_back(ramie::spawn([i] { return shell("exit " + std::to_string(i)).status().value().code() == i; }));
        for (auto& each : all) CHECK(soon([&] { return each.get(); }));

        auto child = command("cat").in(stdio::piped()).spawn().value();
        auto in = std::move(*child.in);
        CHECK(!child.try_wait().value().has_value());
        CHECK(!ramie::timeout(2ms, [&] { return child.wait(); }).has_value());
        auto waiting = ramie::spawn([&] { return child.wait(); });
        let_others_park();
        CHECK(waiting.abort_and_join().error().is_cancelled());
        in.close();
        CHECK(soon([&] { return child.wait(); }).value().success());
        CHECK(error_in(child.kill()) == std::errc::no_such_process);

        auto killed = command("sleep").arg("1000").spawn().value();
        CHECK(killed.kill().has_value());
        CHECK(soon([&] { return killed.wait(); }).value().signal() == SIGKILL);

        std::vector<ramie::child_stdin> inputs;  // of orphans
        for (int i = 0; i < 10; ++i) inputs.push_back(std::move(*command("cat").in(stdio::piped()).spawn().value().in));
        { CHECK(command("sleep").arg("1000").kill_on_drop().spawn().has_value()); }
        CHECK(comes_true([] { return children() == 10; }));
        inputs.clear();
        CHECK(comes_true([] { return children() == 0; }));
    });
}

TEST_CASE("command: where there are no pidfds all is the same") {
    auto const end = in_fresh_process("command: alone and without pidfds", "RAMIE_TEST_ALONE", "1");
    CHECK(end.exited_with(0));
    CHECK(end.said("1 passed"));
}
