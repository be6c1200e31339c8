// Giving a slot's memory back. The caller owns the stack, and no task runs on it.
#pragma once

#include <ramie/detail/stack/stack.hpp>

namespace ramie::detail {

// Whether pages below the hot one were probably touched: the watermark was overwritten, or a stack pointer below it was
// noted. Frames have holes, so a stack may grow past the watermark without writing it, and never park that deep. Pages
// that this misses are returned after the decay time (return_all_pages).
bool used_deep(stack const&) noexcept;

// Returns all pages but the hot one, if used_deep. Afterwards the watermark is zero again.
void return_deep_pages(stack&) noexcept;

// Returns the hot page too.
void return_all_pages(stack&) noexcept;

// For Valgrind, which takes mapped memory as defined. Memory that no frame has written yet has no value: it must not be
// read, and the search for leaks must not look through it, or it would touch every page of every mapped stack.
void hold_undefined(std::byte* from, std::size_t bytes) noexcept;

// How often these two functions made a system call.
std::size_t madvise_trims() noexcept;

}  // namespace ramie::detail
