// Fibers that wait for something that is only known by its address, and says nothing itself: a function-local static
// that another is initialising.
//
//   who waits                                     who changes it
//   (1) lists itself, counts itself (seq_cst)     (a) changes it
//   (2) looks at it: still so?                    (b) seq_cst fence
//   (3) parks                                     (c) nobody counted: done. Else wakes all listed for that address
//
// Either (2) sees (a), or (c) sees (1).
#pragma once

namespace ramie::detail::address_wait {

// The calling fiber, until wake(address), for some milliseconds at most: somebody may have changed it without a word.
// Returns at once if still(argument) is false. Not an abort point. Resumes on its thread.
void wait(void const* address, bool (*still)(void*), void* argument) noexcept;
void wake(void const* address) noexcept;

}  // namespace ramie::detail::address_wait
