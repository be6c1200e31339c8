// Runs something that is expected to die, in a process of its own, and keeps what it wrote.
#pragma once

#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace ramie::testing {

struct child_end {
    int status = 0;
    std::string output;  // stdout and stderr

    bool exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    bool killed_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
    bool said(char const* text) const { return output.find(text) != std::string::npos; }
};

// Runs f in a forked child, which has the system's own reaction to every fault (doctest has handlers in this process)
// and leaves by _exit(0) if f returns.
template <class F>
child_end in_child(F&& f) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::fflush(nullptr);
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        for (int const signal : {SIGSEGV, SIGBUS, SIGABRT}) ::signal(signal, SIG_DFL);
        ::alarm(120);  // one that hangs instead of dying ends too
        std::forward<F>(f)();
        std::fflush(nullptr);
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end end;
    char block[4096];
    ssize_t n;
    while ((n = ::read(ends[0], block, sizeof block)) > 0) end.output.append(block, static_cast<std::size_t>(n));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &end.status, 0) == child);
    return end;
}

// Runs one test case of this program, one that is marked doctest::skip(), in a fresh process with NAME=VALUE set. For
// what a process decides once. (A comma in its name would end the name.)
inline child_end in_fresh_process(char const* test_case, char const* name, char const* value) {
    auto end = in_child([&] {
        ::setenv(name, value, 1);
        if (auto const* const preload = std::getenv("RAMIE_TEST_PRELOAD")) ::setenv("LD_PRELOAD", preload, 1);
        auto const filter = std::string("--test-case=") + test_case;
        ::execl("/proc/self/exe", "self", "--no-skip", "--no-version", filter.c_str(), nullptr);
        ::_exit(127);
    });
    REQUIRE_MESSAGE(!end.said("test cases: 0 |"), "there is no such test case: " << test_case);
    return end;
}

}  // namespace ramie::testing
