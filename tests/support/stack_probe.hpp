// Looking at stacks from outside.
#pragma once

#include "stack/stack_slab.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::testing {

using detail::end_of;
using detail::stack;
using detail::stack_cache;

inline std::uint8_t default_class() { return detail::stack_class_for(detail::default_stack_size); }

inline std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

// Asks the kernel, which answers EFAULT instead of a signal.
inline bool readable(void const* address) {
    struct own_pipe {
        int ends[2];
        own_pipe() { REQUIRE(::pipe(ends) == 0); }
    };
    static own_pipe const drain;
    char byte;
    return ::syscall(SYS_write, drain.ends[1], address, 1) == 1 && ::read(drain.ends[0], &byte, 1) == 1;
}

inline std::size_t resident_pages(stack const& s) {
    std::vector<unsigned char> pages(s.size() / page());
    REQUIRE(::mincore(s.bottom, s.size(), pages.data()) == 0);
    return static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; }));
}

// As a task would that runs `pages` pages deep.
inline void use(stack& s, std::size_t pages) {
    for (std::size_t i = 0; i < pages; ++i) {
        auto* const start = end_of(s) - (i + 1) * page();
        bool const stays_here = pages == 1;  // above the watermark
        for (std::size_t at = stays_here ? 64 : 0; at < page() - 512; at += 64)
            const_cast<std::byte volatile&>(start[at]) = std::byte{1};
    }
}

inline std::size_t count_maps() {
    std::ifstream maps("/proc/self/maps");
    return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(maps), {}, '\n'));
}

inline std::size_t max_map_count() {
    std::size_t limit = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit;
}

inline std::vector<stack*> take(stack_cache& cache, std::size_t n, std::uint8_t size_class) {
    std::vector<stack*> taken;
    for (std::size_t i = 0; i < n; ++i) taken.push_back(cache.take(size_class));
    return taken;
}

inline void put(stack_cache& cache, std::vector<stack*> const& stacks) {
    for (auto* s : stacks) cache.put(s);
}

}  // namespace ramie::testing
