// How many slots may be wide: with a guard of more than 1 MiB instead of 60 KiB, so that one large local array hits the
// guard and not another task's stack.
//
// A wide guard costs address space, which is cheap, and page tables, which are not. With stacks 1.25 MiB apart, one
// page of page table serves 1.6 of them; eight close ones share one. That is 2 KiB more for each stack, two fifths of
// what a parked task costs. So the first 4,096 stacks of a process are wide (8 MiB of page tables at the most), and
// further ones are close. A program with that many tasks should be compiled with -fstack-clash-protection, which
// touches each page of a large frame; or it can pay and set RAMIE_WIDE_STACKS=all (or a number; 0 means none).
//
// If address space is limited, wide slots take an eighth of it (RLIMIT_AS or RLIMIT_DATA of 1 GiB and more), or none (with less;
// and with vm.overcommit_memory = 2, where the kernel charges a mapping in full).
#pragma once

#include <ramie/detail/fence/atomic.hpp>

#include <cstddef>
#include <string_view>

namespace ramie::detail {

class wide_slots {
  public:
    // At most `most` at once.
    explicit wide_slots(std::size_t most) noexcept : most_(most) {}

    // Takes room for `wanted` slots, or for as many as are left. With a limited address space (`limit` bytes;
    // RLIM_INFINITY: no limit), all wide slots together take at most an eighth of it.
    unsigned take(unsigned wanted, unsigned long limit) noexcept;
    void give_back(unsigned) noexcept;

  private:
    std::size_t const most_;
    // Only a count: no data is published through it, so relaxed is enough.
    atomic<std::size_t> taken_{0};
};

// The one of this process.
wide_slots& wide_slots_here() noexcept;

// RLIMIT_AS or RLIMIT_DATA, whichever is less. They may be set at any time.
unsigned long address_space_limit() noexcept;

// The number that RAMIE_WIDE_STACKS asks for: "all", a number, or null for the default. For any other text: the
// default, and a line on stderr that says what is accepted.
std::size_t wide_slots_wanted(char const* text) noexcept;

}  // namespace ramie::detail
