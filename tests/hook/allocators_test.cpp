// libramie-hook and memory allocators that use pthread mutexes: those mutexes stay libc's.
#include "environment.hpp"
#include "preloading.hpp"

using namespace ramie::testing;

namespace {

// For LD_PRELOAD. (Not inline: gcc 12 warns about sums of literals of known length.)
[[gnu::noinline]] std::string two_libraries(char const* first, char const* second) {
    std::string both = first;
    both += ' ';
    both += second;
    return both;
}

}  // namespace

TEST_CASE("hook: an allocator whose locks are pthread mutexes, under the runtime and beside it") {
    if (!can_preload()) return;
    // One arena and no caches, so that all threads meet at its locks.
    environment const crowded("MALLOC_CONF", "narenas:1,tcache:false");
    auto const preload = two_libraries(HOOK_LIBRARY, "libjemalloc.so.2");
    if (output_of({HOOK_PROGRAM, "plain"}, preload.c_str()).said("cannot be preloaded")) {
        MESSAGE("skipped: there is no libjemalloc.so.2 here");
        return;
    }
    auto const end = output_of({HOOK_PROGRAM, "allocating"}, preload.c_str());
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK(end.output == "allocated\n");
}

TEST_CASE("hook: a fiber that waits for the allocator's own lock is not left for another") {
    if (!can_preload()) return;
    auto const preload = two_libraries(HOOK_LIBRARY, LOCKING_MALLOC);
    auto const end = output_of({HOOK_PROGRAM, "allocating"}, preload.c_str());
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK(end.output == "allocated\n");
}
