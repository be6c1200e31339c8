// Worlds whose kernel does not know some calls (ENOSYS, or EINVAL for an advice), or whose sandbox forbids them (EPERM, as the profiles
// of containers do): from the process's beginning and for ever, not once.
#include "chance.hpp"
#include "refused_call.hpp"
#include "restricted_world.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

using namespace ramie::testing;

namespace {

// Linux's numbers; the C library's headers may be older than the kernel.
constexpr unsigned madv_wipeonfork = 18, madv_guard_install = 102, madv_guard_remove = 103;

struct missing_call {
    char const* name;
    int number;
};

std::vector<missing_call> const& calls_that_may_be_missing() {
    static std::vector<missing_call> const all{
        {"membarrier", SYS_membarrier},
        {"pidfd_open", SYS_pidfd_open},
        {"pidfd_send_signal", SYS_pidfd_send_signal},
        {"epoll_pwait2", SYS_epoll_pwait2},
        {"userfaultfd", SYS_userfaultfd},
        {"rseq", SYS_rseq},
        {"prctl", SYS_prctl},
        {"sched_getaffinity", SYS_sched_getaffinity},
        {"sigaltstack", SYS_sigaltstack},
        {"close_range", SYS_close_range},
        {"process_vm_readv", SYS_process_vm_readv},
        {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo},
        {"statx", SYS_statx},
        {"io_uring_setup", SYS_io_uring_setup},
        {"mincore", SYS_mincore},
        {"copy_file_range", SYS_copy_file_range},
        {"getrandom", SYS_getrandom},
    };
    return all;
}

void must(bool done) {
    if (!done) throw no_such_world{"no seccomp"};
}

void refuse(std::vector<missing_call> const& calls, int error) {
    // prctl last: it is what the others are refused by.
    for (auto const& each : calls)
        if (each.number != SYS_prctl) must(refuse_call(each.number, error));
    for (auto const& each : calls)
        if (each.number == SYS_prctl) must(refuse_call(each.number, error));
}

world_end must_be_well(std::string const& name, std::function<void()> const& enter) {
    CAPTURE(name);
    auto end = in_world(name, enter, usual_case);
    if (!end.skipped) CHECK_MESSAGE(end.all_well(), "status " << end.status << "\n" << end.output);
    return end;
}

}  // namespace

TEST_CASE("worlds: any call that a sandbox may miss is done without, one and all (forks)") {
    if (sanitized) return;
    for (int const error : {ENOSYS, EPERM}) {
        for (auto const& each : calls_that_may_be_missing())
            if (error == EPERM || scale() > 1)  // the harder one: old kernels say the other, and all code expects it
                must_be_well(std::string("no ") + each.name, [&] { refuse({each}, error); });
        must_be_well("none of them all", [&] { refuse(calls_that_may_be_missing(), error); });
    }
}

TEST_CASE("worlds: advice about memory that the kernel does not know is not needed (forks)") {
    if (sanitized) return;
    std::string const by_madvise = "guards: 0 by madvise", by_mprotect = ", 0 by mprotect, 0 none";
    auto const usual = must_be_well("as usual", [] {});
    if (usual.said(by_madvise)) skip_world("guards by madvise", "this kernel has none");
    else CHECK_MESSAGE(usual.said(by_mprotect), usual.output);
    auto const older = must_be_well("no guards by madvise", [] {
        for (auto const advice : {madv_guard_install, madv_guard_remove}) must(refuse_call(SYS_madvise, EINVAL, call_argument{2, advice}));
    });
    if (!older.skipped) {
        CHECK_MESSAGE(older.said(by_madvise), older.output);
        CHECK_MESSAGE(!older.said(by_mprotect), older.output);
    }
    must_be_well("no wipe on fork", [] { must(refuse_call(SYS_madvise, EINVAL, call_argument{2, madv_wipeonfork})); });
    for (int const error : {ENOSYS, EPERM, EINVAL}) must_be_well("no madvise", [&] { must(refuse_call(SYS_madvise, error)); });
}

// Each costs the steps that need it, and these are told which error it was.
TEST_CASE("worlds: a call that a sandbox forbids for ever costs what needs it and nothing else (forks)") {
    if (sanitized) return;
    struct needed_call {
        missing_call call;
        std::vector<std::string> failures;  // how they begin
    };
    std::vector<needed_call> const all{
        {{"accept4", SYS_accept4}, {"tcp: accept: "}},
        {{"connect", SYS_connect}, {"tcp: connect: "}},
        {{"listen", SYS_listen}, {"tcp: bind: "}},
        {{"socketpair", SYS_socketpair}, {"plain descriptors: socketpair: "}},
    };
    for (int const error : {EPERM, EACCES, ENOSYS}) {
        for (auto const& each : all) {
            auto const name = std::string("no ") + each.call.name;
            auto const end = in_world(name, [&] { refuse({each.call}, error); }, usual_case);
            if (end.skipped) continue;
            CAPTURE(name);
            CHECK_MESSAGE(end.runtimes.size() == 3, end.output);
            for (auto const& rt : end.runtimes) {
                CHECK(rt.ended);
                std::vector<std::string> failures;
                for (auto const& [step, why] : rt.failures) failures.push_back(step + ": " + why);
                auto wanted = each.failures;
                for (auto& w : wanted) w += std::strerror(error);
                CHECK(failures == wanted);
            }
        }
    }
}

TEST_CASE("worlds: a call without which there is no runtime is named (forks)") {
    if (sanitized) return;
    for (auto const& each : {missing_call{"epoll_create1", SYS_epoll_create1}, {"eventfd2", SYS_eventfd2}, {"timerfd_create", SYS_timerfd_create},
                             {"pipe2", SYS_pipe2}}) {
        auto const name = std::string("no ") + each.name;
        auto const end = in_world(name, [&] { refuse({each}, EPERM); }, usual_case);
        if (end.skipped) continue;
        CAPTURE(name);
        CHECK_MESSAGE(end.exited_with(0), end.output);
        REQUIRE(end.runtimes.size() == 3);
        for (auto const& rt : end.runtimes) {
            CAPTURE(rt.not_started);
            CHECK(rt.not_started.starts_with("ramie: "));
            CHECK(rt.not_started.ends_with("Operation not permitted"));
        }
    }
}
