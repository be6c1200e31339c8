// How many slots may be wide: with a guard of more than 1 MiB instead of 60 KiB, so that one large local array lands in
// the guard and not in another task's stack.
//
// A wide guard costs address space, which is cheap, and page tables, which are not: stacks 1.25 MiB apart need a page of
// page table for 1.6 of them, where eight close ones share one. That is 2 KiB more for each, two fifths of what a parked
// task costs. So the first 4,096 stacks of a process are wide (8 MiB of page tables at the most), and what comes on top is
// close: a program with so many tasks is compiled with -fstack-clash-protection, which touches each page of a large frame,
// and says RAMIE_WIDE_STACKS=all if it would rather pay (a number is taken too; 0 means none).
//
// Where address space is counted, wide slots take an eighth of it (RLIMIT_AS of 1 GiB and more), or none (less; and with
// vm.overcommit_memory = 2, where a mapping is charged in full).
#pragma once

#include <ramie/detail/fence/atomic.hpp>

#include <cstddef>
#include <string_view>

namespace ramie::detail {

class wide_slots {
  public:
    // At most so many at once.
    explicit wide_slots(std::size_t most) noexcept : most_(most) {}

    // Room for so many, or for as many as are left; with `limit` bytes of address space (RLIM_INFINITY: no limit) no more
    // than an eighth of them holds.
    unsigned take(unsigned wanted, unsigned long limit) noexcept;
    void give_back(unsigned) noexcept;

  private:
    std::size_t const most_;
    // A count and nothing more: no data is published through it, so relaxed will do.
    atomic<std::size_t> taken_{0};
};

// This process's.
wide_slots& wide_slots_here() noexcept;

// RLIMIT_AS, which may be set at any time.
unsigned long address_space_limit() noexcept;

// What RAMIE_WIDE_STACKS asks for: "all", a number, or null for the default. Anything else: the default, and a line on
// stderr that says what is accepted.
std::size_t wide_slots_wanted(char const* text) noexcept;

}  // namespace ramie::detail
