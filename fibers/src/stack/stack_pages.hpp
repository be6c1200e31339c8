// Giving a slot's memory back. The caller owns the stack and nobody runs on it.
#pragma once

#include <ramie/detail/stack/stack.hpp>

namespace ramie::detail {

// Whether pages below the hot one were probably touched: the watermark was overwritten, or a stack pointer was seen
// below it. Frames have holes, so a stack may step over the watermark and park nowhere deep: what this misses, decay
// returns (return_all_pages).
bool used_deep(stack const&) noexcept;

// Returns all but the hot page, if used_deep. Afterwards the watermark is zero again.
void return_deep_pages(stack&) noexcept;

// Returns the hot page too.
void return_all_pages(stack&) noexcept;

// For Valgrind, which holds mapped memory for defined: what no frame has written yet is no value to be read, nor for its
// search for leaks to look through. That search would touch every page of every stack that is mapped.
void hold_undefined(std::byte* from, std::size_t bytes) noexcept;

// How often either made a system call.
std::size_t madvise_trims() noexcept;

}  // namespace ramie::detail
