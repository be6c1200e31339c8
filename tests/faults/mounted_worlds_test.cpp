// Worlds with fewer files: no /proc, no /dev, nothing that may be written, an /etc without what names are resolved by; and without a
// network. In a mount namespace of the child's own.
#include "own_mounts.hpp"
#include "restricted_world.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <sched.h>

using namespace ramie::testing;

namespace {

world_end must_be_well(std::string const& name, std::function<void()> const& enter) {
    CAPTURE(name);
    auto end = in_world(name, enter, usual_case);
    if (!end.skipped) CHECK_MESSAGE(end.all_well(), "status " << end.status << "\n" << end.output);
    return end;
}

// Only these steps fail, and each so.
void check_failures(std::string const& name, world_end const& end, std::vector<std::string> const& wanted) {
    if (end.skipped) return;
    CAPTURE(name);
    CHECK_MESSAGE(end.runtimes.size() == 3, end.output);
    for (auto const& rt : end.runtimes) {
        CHECK(rt.ended);
        std::vector<std::string> failures;
        for (auto const& [step, why] : rt.failures) failures.push_back(step + ": " + why);
        CHECK_MESSAGE(failures == wanted, end.output);
    }
}

}  // namespace

TEST_CASE("worlds: without /proc, all is as it is with it (forks)") {
    if (sanitized) return;
    must_be_well("no /proc", [] { hide("/proc"); });
    must_be_well("no /proc, and deadlocks are looked for", [] {
        hide("/proc");
        ::setenv("RAMIE_REPORT_DEADLOCKS", "1", 1);
    });
}

TEST_CASE("worlds: where no file may be written, none need be (forks)") {
    if (sanitized) return;
    must_be_well("nothing may be written", [] {
        for (auto const* const path : {"/", "/tmp", "/dev/shm", "/var/tmp", "/run"}) make_read_only(path);
    });
    must_be_well("no /tmp, no /dev/shm", [] {
        for (auto const* const path : {"/tmp", "/dev/shm"}) hide(path);
    });
}

TEST_CASE("worlds: without /dev/null, who asks for it is told (forks)") {
    if (sanitized) return;
    auto const end = in_world("no /dev", [] { hide("/dev"); }, usual_case);
    check_failures("no /dev", end, {"command: true: No such file or directory", "a child left behind: true: No such file or directory"});
}

TEST_CASE("worlds: without /etc/resolv.conf names of this machine are found (forks)") {
    if (sanitized) return;
    must_be_well("no /etc/resolv.conf", [] {
        own_mounts();
        hide("/etc");
        std::ofstream("/etc/passwd") << "root:x:0:0::/:/bin/sh\n";
        std::ofstream("/etc/hosts") << "127.0.0.1 localhost\n";
    });
}

TEST_CASE("worlds: without a network only what needs one fails (forks)") {
    if (sanitized) return;
    auto const end = in_world("no network", [] {
        own_mounts();
        if (::unshare(CLONE_NEWNET) != 0) throw no_such_world{"no network namespace"};
    }, usual_case);
    check_failures("no network", end, {"tcp: connect: Network is unreachable", "udp, pipe: send: Network is unreachable"});
}
