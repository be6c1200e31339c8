// A process with limited address space. Stacks come in large mappings; with a limit these are smaller, and leave something for all
// other mappings: malloc, threads.
//
// There are three such limits: of all addresses (RLIMIT_AS); of private writable memory, touched or not (RLIMIT_DATA, which Linux
// counts so since 4.7); and of the same for the whole machine (vm.overcommit_memory = 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace ramie::detail {

struct limited_space {
    std::size_t limit = 0;  // bytes
    std::size_t free = 0;   // not mapped yet
    std::size_t left = 0;   // how much of it stacks may still map
    char const* name = "the limit on address space (RLIMIT_AS, ulimit -v)";
    bool counts_reserved = true;  // also what is neither readable nor writable

    // The largest slab: a thirty-second of the limit.
    std::size_t largest_slab() const noexcept { return limit / 32; }
};

// The one that leaves least. None: there is no limit. Read anew at each call.
std::optional<limited_space> limited_address_space() noexcept;

// How many stacks of a class fit into the space that is left.
struct stack_room {
    limited_space space;
    std::size_t slab = 0;      // bytes of one
    unsigned stacks = 0;       // in one slab
    std::size_t slabs = 0;     // that can still be mapped
    std::size_t at_hand = 0;   // stacks in slabs that are mapped already
};
std::optional<stack_room> limited_room_for_stacks(std::uint8_t size_class) noexcept;

}  // namespace ramie::detail
