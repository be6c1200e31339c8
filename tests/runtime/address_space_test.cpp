// A process whose address space is limited (ulimit -v): it works, or says at once why not.
#include "child_process.hpp"
#include "sanitized.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <sys/resource.h>

using namespace ramie::testing;

namespace {

// Runs the test case below in a process that has had that limit from its beginning.
child_end with_address_space(unsigned long mebibytes) {
    return in_child([&] {
        rlimit const limit{mebibytes << 20, mebibytes << 20};
        if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(126);
        ::execl("/proc/self/exe", "self", "--no-skip", "--no-version", "--test-case=address space: (in such a process)", nullptr);
        ::_exit(127);
    });
}

}  // namespace

TEST_CASE("address space: (in such a process)" * doctest::skip()) {
    try {
        ramie::run({.workers = 2}, [] {
            std::vector<ramie::join_handle<int>> tasks;
            for (int i = 0; i < 10; ++i)
                tasks.push_back(ramie::spawn([] {
                    ramie::this_fiber::yield();
                    return static_cast<int>(std::vector<char>(100'000).size());
                }));
            int done = 0;
            for (auto& t : tasks) done += t.join().value_or(0) == 100'000;
            std::printf("%d tasks done\n", done);
        });
    } catch (std::exception const& e) { std::printf("%s\n", e.what()); }
}

TEST_CASE("address space: a little is enough for a few tasks, and a line says for how many (forks)") {
    if (sanitized) return;  // they need all of it
    for (unsigned long const mebibytes : {60ul, 80ul, 100ul, 150ul, 200ul, 300ul}) {
        CAPTURE(mebibytes);
        auto const end = with_address_space(mebibytes);
        CHECK_MESSAGE(end.exited_with(0), end.output);
        CHECK_MESSAGE(end.said("10 tasks done"), end.output);
        if (mebibytes > 200) continue;
        auto const line = "ramie: the limit on address space (RLIMIT_AS, ulimit -v) of " + std::to_string(mebibytes << 10) +
                          " KiB is low: it leaves room for ";
        CHECK_MESSAGE(end.said(line.c_str()), end.output);
        CHECK(end.said(" slabs of "));
    }
}

// Whether a thread's arena of malloc fits depends on where it comes to lie, which is another place in each process.
TEST_CASE("address space: malloc's arenas for threads take none of what the stacks need (forks)") {
    if (sanitized) return;
    int done = 0;
    for (int i = 0; i < 40; ++i) done += with_address_space(100).said("10 tasks done");
    CHECK(done == 40);
}

TEST_CASE("address space: too little is an error that names the limit (forks)") {
    if (sanitized) return;
    int refused = 0;
    for (unsigned long mebibytes = 16; mebibytes < 60; mebibytes += 2) {
        CAPTURE(mebibytes);
        auto const end = with_address_space(mebibytes);
        bool const program_started = end.said("[doctest]");
        if (!program_started) continue;  // too little for that
        CHECK_MESSAGE(end.exited_with(0), end.output);
        bool const said_so = end.said("the limit on address space (RLIMIT_AS, ulimit -v) of ");
        CHECK_MESSAGE(said_so, end.output);
        refused += said_so && !end.said("tasks done");
    }
    CHECK(refused > 0);
}

TEST_CASE("address space: enough of it is not worth a word (forks)") {
    if (sanitized) return;
    auto const end = with_address_space(8000);
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK(end.said("10 tasks done"));
    CHECK_FALSE(end.said("ramie: "));
}
