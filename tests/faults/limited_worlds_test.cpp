// Worlds with limits (setrlimit): of threads, descriptors, the stacks of threads, address space, data. Where there is no room for a
// runtime, the error names the limit; where there is, each step is right or told of the shortage.
#include "restricted_world.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace ramie::testing;

namespace {

void limit(__rlimit_resource_t resource, rlim_t to) {
    rlimit const both{to, to};
    if (::setrlimit(resource, &both) != 0) throw no_such_world{"this limit cannot be set"};
}

// The process's user has no other threads: root has no such limit, and other users have processes.
void limit_threads(rlim_t to) {
    auto const nobody_else = static_cast<uid_t>(1'000'000'000 + ::getpid());
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody_else) != 0 || ::setuid(nobody_else) != 0)
        throw no_such_world{"only root may become another user, and RLIMIT_NPROC counts all threads of a user"};
    limit(RLIMIT_NPROC, to);
}

std::string text_of(world_report const& rt) {
    auto text = rt.runtime + ": " + rt.not_started;
    for (auto const& [step, why] : rt.failures) text += "\n  " + step + ": " + why;
    return text;
}

// Each runtime started or says why not, by one of these; each failed step names one of those.
void check_shortage(world_end const& end, std::string const& why_not_started, std::vector<std::string> const& shortages) {
    CHECK_MESSAGE(end.exited_with(0), "status " << end.status << "\n" << end.output);
    CHECK_MESSAGE(end.runtimes.size() == 3, end.output);
    for (auto const& rt : end.runtimes) {
        INFO(text_of(rt));
        if (!rt.not_started.empty()) CHECK(rt.not_started.find(why_not_started) != std::string::npos);
        else CHECK(rt.ended);
        for (auto const& failure : rt.failures)
            CHECK(std::ranges::any_of(shortages, [&](auto const& each) { return failure.second.ends_with(each); }));
    }
}

std::string const no_thread = "Resource temporarily unavailable", no_descriptor = "Too many open files", no_memory = "Cannot allocate memory",
                  bad_alloc = "std::bad_alloc";

}  // namespace

TEST_CASE("worlds: where there may be few threads or none, a runtime starts that needs none, and others name the limit (forks)") {
    if (sanitized) return;
    for (rlim_t const threads : {1u, 2u, 3u, 4u, 5u, 7u, 12u}) {
        CAPTURE(threads);
        auto const end = in_world("few threads", [&] { limit_threads(threads); }, usual_case);
        if (end.skipped) return;
        check_shortage(end, "(RLIMIT_NPROC, ulimit -u, is " + std::to_string(threads) + " ", {no_thread});
        REQUIRE(end.runtimes.size() == 3);
        CHECK(end.runtimes[0].not_started.empty());
        auto const& two_workers = end.runtimes[1];
        // One that was joined counts for a little longer, and so does the one that looks after a child left behind.
        if (threads < 5 || threads >= 12) CHECK(two_workers.not_started.empty() == (threads >= 5));
        if (threads < 5) CHECK(two_workers.not_started.find("workers (2; option workers, RAMIE_WORKERS) and two more") != std::string::npos);
        if (threads > 1) continue;
        for (auto const* const step : {"spawn, join", "scope, sleep, timeout", "channel, select", "tcp", "udp, pipe", "plain descriptors"})
            CHECK_FALSE(end.runtimes[0].failed(step));
        for (auto const* const step : {"spawn_blocking", "signals", "dump"}) {
            CHECK(end.runtimes[0].failed(step));
            CHECK(end.said("refused: " + std::string(step) + ": ramie: no further thread (RLIMIT_NPROC, ulimit -u, is 1 "));
        }
    }
    CHECK(in_world("enough threads", [&] { limit_threads(100); }, usual_case).all_well());
}

TEST_CASE("worlds: (few descriptors)" * doctest::skip()) {
    run_in_this_world([] {
        limit(RLIMIT_NOFILE, 64);
        auto left = std::atoi(std::getenv("RAMIE_TEST_LEFT"));
        int last = -1;
        for (int copy; (copy = ::dup(0)) >= 0;) last = copy;
        while (left-- > 0) ::close(last--);
    });
}

TEST_CASE("worlds: with one descriptor left, with none, and with a few, the shortage is named (forks)") {
    if (sanitized) return;
    for (int left = 0; left < 30; ++left) {
        CAPTURE(left);
        auto const end = in_world("few descriptors", [&] { ::setenv("RAMIE_TEST_LEFT", std::to_string(left).c_str(), 1); },
                                  "worlds: (few descriptors)");
        check_shortage(end, "(RLIMIT_NOFILE, ulimit -n, is 64): Too many open files", {no_descriptor});
        REQUIRE(end.runtimes.size() == 3);
        if (left < 2) CHECK_FALSE(end.runtimes[0].not_started.empty());
        if (left > 25) CHECK_MESSAGE(end.all_well(), end.output);
    }
}

TEST_CASE("worlds: threads' stacks of any size that the system takes will do (forks)") {
    if (sanitized) return;
    for (rlim_t const bytes : std::initializer_list<rlim_t>{100'001, 1 << 18, 1 << 30, RLIM_INFINITY}) {
        CAPTURE(bytes);
        auto const end = in_world("stacks of threads", [&] { limit(RLIMIT_STACK, bytes); }, usual_case);
        if (!end.skipped) CHECK_MESSAGE(end.all_well(), end.output);
    }
}

TEST_CASE("worlds: little address space, and little room for data, is shared by stacks and the rest, or named (forks)") {
    if (sanitized) return;
    constexpr rlim_t mib = 1 << 20;
    for (auto const& [resource, name] : {std::pair{RLIMIT_AS, "RLIMIT_AS, ulimit -v"}, {RLIMIT_DATA, "RLIMIT_DATA, ulimit -d"}}) {
        for (auto const size : {400, 200, 150, 100, 80, 60, 50, 40, 30, 20, 10}) {
            CAPTURE(name);
            CAPTURE(size);
            auto const end = in_world("little memory", [&, which = resource] { limit(which, static_cast<rlim_t>(size) * mib); }, usual_case);
            if (end.skipped) continue;
            if (!end.said("[doctest]")) continue;  // too little for the program itself
            // On a busy machine spares come for the workers, with a stack of 8 MiB each.
            if (size >= 400) CHECK_MESSAGE(end.all_well(), end.output);
            else check_shortage(end, name, {no_thread, no_memory, bad_alloc});
        }
    }
}
