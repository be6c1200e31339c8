// Errors that name the limit behind them.
#include <ramie/detail/machine/limits_behind.hpp>
#include <ramie/detail/machine/map_count.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <system_error>

#include <sys/mman.h>
#include <sys/resource.h>

using namespace ramie::detail;

namespace {

std::string said_of(int error) { return limits_behind(std::error_code(error, std::system_category())); }

}  // namespace

TEST_CASE("limits: an error names the limit behind it, with its value, or nothing") {
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK(said_of(EMFILE) == " (RLIMIT_NOFILE, ulimit -n, is " + std::to_string(files.rlim_cur) + ")");
    CHECK(said_of(ENFILE) == " (fs.file-max, for the whole machine)");
    CHECK(said_of(EAGAIN).starts_with(" (RLIMIT_NPROC, ulimit -u, is "));
    CHECK(said_of(EAGAIN) == limits_of_threads());
    CHECK(said_of(ENOMEM).empty());  // there are maps enough
    CHECK(said_of(EPERM).empty());
}

TEST_CASE("limits: maps are counted") {
    auto const before = count_maps();
    CHECK(before.used > 10);
    CHECK(before.left() == before.most - before.used);
    auto* const at = ::mmap(nullptr, 101 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    for (int i = 1; i < 101; i += 2) ::mprotect(static_cast<char*>(at) + i * 4096, 4096, PROT_READ);
    CHECK(count_maps().used >= before.used + 99);
    ::munmap(at, 101 * 4096);
}
