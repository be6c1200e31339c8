// tests/run preloads the hook into this program if it is built with clang's TSan. The hook needs that TSan's symbols. The
// commands that the tests start (sh, sleep, TSan's own symbolizer) have none, so they must not inherit the preloading: they
// would die of it before they begin. The tests that are about preloading say what is preloaded, each time. If this program
// starts itself again (in_fresh_process), it preloads as before, by RAMIE_TEST_PRELOAD.
#include <ramie/detail/ground/config.hpp>

#if RAMIE_TSAN

#include <cstdlib>

namespace {

bool const is_for_this_program_only = [] {
    auto const* const preload = std::getenv("LD_PRELOAD");
    return preload != nullptr && ::setenv("RAMIE_TEST_PRELOAD", preload, 1) == 0 && ::unsetenv("LD_PRELOAD") == 0;
}();

}  // namespace

#endif
