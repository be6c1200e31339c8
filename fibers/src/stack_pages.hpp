// Giving a slot's memory back. The caller owns the stack and nobody runs on it.
#pragma once

#include <ramie/detail/stack.hpp>

namespace ramie::detail {

// Whether pages below the hot one were probably touched: the watermark was overwritten, or a stack pointer was seen
// below it. Frames have holes, so a stack may step over the watermark and park nowhere deep: what this misses, decay
// returns (return_all_pages).
bool used_deep(stack const&) noexcept;

// Returns all but the hot page, if used_deep. Afterwards the watermark is zero again.
void return_deep_pages(stack&) noexcept;

// Returns the hot page too.
void return_all_pages(stack&) noexcept;

// How often either made a system call.
std::size_t madvise_trims() noexcept;

// For ASan. A task leaves its stack for good by a jump, so the frames it stands in are never left by returning, and
// their red zones stay poisoned. They all lie above the last stack pointer; what lay below was unpoisoned as it
// returned or was unwound. So this cleans [least stack pointer noted, end), and 16 KiB at least in case the last jump
// was not noted: 2 KiB of shadow, where the whole slot would be 128 KiB each time.
void unpoison(stack const&) noexcept;

}  // namespace ramie::detail
