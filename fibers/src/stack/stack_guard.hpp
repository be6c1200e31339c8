// The guard at a slot's low end: installed on the slot's first use, kept for the slot's life.
//
// Tried in this order, and never a reason to refuse a stack:
//   madvise   MADV_GUARD_INSTALL, Linux 6.13 and newer. Lives in the page table: no memory, no map of its own, so a
//             million fit; survives MADV_DONTNEED over the slot, and fork.
//   mprotect  as many as map_budget allows.
//   canary    the lowest usable word must still read zero at every switch; the guard's span is slack that an overflow may
//             spoil before it is noticed.
// Whatever the guard is, a stack pointer below the stack is noticed at every switch (stack::note_sp): a frame that jumped
// over all of it.
// RAMIE_STACK_GUARD=madvise|mprotect|canary starts further down the list.
#pragma once

#include <ramie/detail/stack/stack.hpp>

namespace ramie::detail {

// For a slot that has none yet.
void install_guard(stack&) noexcept;

// Its slab is gone, and the guard with it.
void forget_guard(stack const&) noexcept;

// Adds the guards by kind.
void count_guards(stack_metrics&) noexcept;

}  // namespace ramie::detail
