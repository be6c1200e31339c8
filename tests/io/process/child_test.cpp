// How child processes are waited for and ended, and that nothing of them is left.
#include "child_process.hpp"
#include "children.hpp"

#include <ramie/spawn.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <iterator>

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

}  // namespace

TEST_CASE("child: killed by a signal, and by which") {
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

TEST_CASE("child: an abort or a timeout in wait leaves the child as it is") {
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

TEST_CASE("child: wait closes the input, so that a child that reads it ends") {
    on_each_runtime_without_traces([] {
        auto child = command("cat").in(stdio::piped()).out(stdio::null()).spawn().value();
        CHECK(child.in->write_all("text").has_value());
        CHECK(soon([&] { return child.wait(); }).value().success());
    });
}

TEST_CASE("child: abort, timeout and close while its pipes wait") {
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

TEST_CASE("child: writing to a child that does not read is an error, no signal") {
    on_each_runtime_without_traces([] {
        auto child = command("true").in(stdio::piped()).spawn().value();
        auto in = std::move(*child.in);
        CHECK(soon([&] { return child.wait(); }).value().success());
        CHECK(error_in(in.write("x")) == std::errc::broken_pipe);
    });
}

TEST_CASE("child: a child that outlives its handle runs on, and is reaped when it ends") {
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

TEST_CASE("child: orphans are reaped also after their runtime has gone") {
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

TEST_CASE("child: kill_on_drop") {
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

TEST_CASE("child: a thousand children at once") {
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

TEST_CASE("child: other code reaps it, or SIGCHLD is ignored: an error, no hang (forks)") {
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

TEST_CASE("child: children while SIGCHLD and others interrupt every system call") {
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

TEST_CASE("child: alone and without pidfds" * doctest::skip()) {
    deny(SYS_pidfd_open);
    REQUIRE(::syscall(SYS_pidfd_open, ::getpid(), 0) == -1);
    on_each_runtime_without_traces([] {
        CHECK(soon([] { return shell("echo out; exit 3").output(); }).value().status.code() == 3);
        std::vector<ramie::join_handle<bool>> all;
        for (int i = 0; i < 50; ++i)
            all.push_back(ramie::spawn([script = "exit " + std::to_string(i), i] {
                return shell(script).status().value().code() == i;
            }));
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

TEST_CASE("child: where there are no pidfds all is the same (forks)") {
    auto const end = in_fresh_process("child: alone and without pidfds", "RAMIE_TEST_ALONE", "1");
    CHECK(end.exited_with(0));
    CHECK(end.said("1 passed"));
}
