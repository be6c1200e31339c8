// The guard at a slot's low end: installed on the slot's first use, kept for the slot's life.
//
// Tried in this order. A stack is never refused for want of a guard:
//   madvise   MADV_GUARD_INSTALL, Linux 6.13 and newer. Lives in the page table: no memory, no map of its own, so a
//             million fit; survives MADV_DONTNEED over the slot, and fork.
//   mprotect  as many as map_budget allows.
//   canary    the lowest usable word must still read zero at every switch; an overflow may overwrite the guard's span
//             before it is noticed.
// With every kind of guard, each switch also notices a stack pointer below the stack (stack::note_sp): a frame that
// jumped over the whole guard.
// RAMIE_STACK_GUARD=madvise|mprotect|canary starts further down the list.
#pragma once

#include <ramie/detail/stack/stack.hpp>

namespace ramie::detail {

// For a slot that has none yet.
void install_guard(stack&) noexcept;

// The slot's slab is unmapped, and with it the guard.
void forget_guard(stack const&) noexcept;

// Adds the guards by kind.
void count_guards(stack_metrics&) noexcept;

}  // namespace ramie::detail
