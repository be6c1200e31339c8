// The figures of the tasks' stacks.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>

namespace ramie {

// The whole process: all runtimes share one depot.
struct stack_metrics {
    std::size_t live = 0;              // slots that tasks have
    std::size_t cached = 0;            // slots in workers' caches
    std::size_t idle = 0;              // slots in the depot that have been used before
    std::size_t fresh = 0;             // slots never handed out
    std::size_t wide = 0;              // of all these, the slots below which a frame of 1 MiB meets no other stack
    std::size_t slabs = 0;             // mapped now
    std::size_t bytes_mapped = 0;      // address space, not memory
    std::size_t guarded_madvise = 0;   // slots by kind of guard
    std::size_t guarded_mprotect = 0;
    std::size_t unguarded = 0;         // canary only: raise vm.max_map_count, or use Linux 6.13 or newer
    std::size_t madvise_trims = 0;     // calls that returned pages of a slot, ever
    std::size_t slabs_unmapped = 0;    // ever
};

}  // namespace ramie
