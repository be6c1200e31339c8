// Worlds in which the system gives little memory though nothing limits the process: a kernel that commits no more than it has
// (vm.overcommit_memory = 2), and a process that has nearly as many mappings as one may have (vm.max_map_count).
#include "chance.hpp"
#include "own_mounts.hpp"
#include "refused_call.hpp"
#include "restricted_world.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace ramie::testing;

namespace {

// The real one is the whole machine's. RLIMIT_DATA counts what that charges, private writable memory whether touched or not; it is
// kept secret, and the files say what they would say.
void commit_no_more_than(unsigned mebibytes) {
    replace("/proc/sys/vm/overcommit_memory", "2\n");
    auto const kib = std::to_string(mebibytes * 1024);
    replace("/proc/meminfo", ("MemTotal: 1000000 kB\nCommitLimit: " + kib + " kB\nCommitted_AS: 8192 kB\n").c_str());
    rlimit const most{rlim_t{mebibytes} << 20, rlim_t{mebibytes} << 20};
    if (::setrlimit(RLIMIT_DATA, &most) != 0) throw no_such_world{"RLIMIT_DATA cannot be set"};
    if (!refuse_call(SYS_prlimit64, EPERM, call_argument{1, RLIMIT_DATA})) throw no_such_world{"no seccomp"};
}

void check_shortage(world_end const& end, std::string const& why_not_started) {
    CHECK_MESSAGE(end.exited_with(0), "status " << end.status << "\n" << end.output);
    CHECK_MESSAGE(end.runtimes.size() == 3, end.output);
    for (auto const& rt : end.runtimes) {
        INFO(end.output);
        if (!rt.not_started.empty()) CHECK(rt.not_started.find(why_not_started) != std::string::npos);
        else CHECK(rt.ended);
        for (auto const& failure : rt.failures) {
            bool known = false;
            for (auto const* const each : {"Resource temporarily unavailable", "Cannot allocate memory", "std::bad_alloc"})
                known |= failure.second.ends_with(each);
            CHECK(known);
        }
    }
}

// All but `left` of the maps that this process may have, one or two more or less.
void use_maps_but(long left) {
    constexpr std::size_t page = 4096, pages = 200'000;
    auto* const at = static_cast<std::byte*>(::mmap(nullptr, pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (at == MAP_FAILED) ::_exit(1);
    std::size_t i = 1;
    while (i < pages && ::mprotect(at + i * page, page, PROT_READ) == 0) i += 2;
    for (; left > 0 && i > 2; left -= 2) ::mprotect(at + (i -= 2) * page, page, PROT_NONE);
}

}  // namespace

TEST_CASE("worlds: a kernel that commits no more than it has gets smaller slabs of stacks, and is named (forks)") {
    if (sanitized) return;
    for (auto const mebibytes : {400u, 150u, 100u, 60u, 40u, 20u}) {
        CAPTURE(mebibytes);
        auto const end = in_world("overcommit_memory is 2", [&] { commit_no_more_than(mebibytes); }, usual_case);
        if (end.skipped) return;
        if (mebibytes >= 400) CHECK_MESSAGE(end.all_well(), end.output);
        else check_shortage(end, "vm.overcommit_memory is 2");
    }
}

TEST_CASE("worlds: (few maps)" * doctest::skip()) {
    run_in_this_world([] { use_maps_but(std::atol(std::getenv("RAMIE_TEST_LEFT"))); });
}

TEST_CASE("worlds: a process that has nearly all the maps that it may have works with the rest, or is told (forks)") {
    if (sanitized) return;
    long most = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> most;
    if (most == 0 || most > 200'000) return skip_world("few maps", "vm.max_map_count is too large to be used up");
    for (long const left : {0, 8, 16, 20, 24, 32, 64, 1000, 2, 4, 12, 28, 48, 100}) {
        if (left == 2 && scale() <= 1) break;  // the rest in the long form
        CAPTURE(left);
        auto const end = in_world("few maps", [&] { ::setenv("RAMIE_TEST_LEFT", std::to_string(left).c_str(), 1); }, "worlds: (few maps)");
        if (left >= 1000) CHECK_MESSAGE(end.all_well(), end.output);
        else check_shortage(end, "vm.max_map_count is ");
    }
}
