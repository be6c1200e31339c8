// Shared by all interposed calls that wait for other code and not for a descriptor. After libc's own call has changed
// something that fibers may wait for, the caller tells the parking lot; a fiber waits in the lot (lot/parking_lot.hpp).
// On plain threads the waits are libc's.
#pragma once

#include "hook_state.hpp"

#include <atomic>

namespace ramie::hook {

// True: a fiber waits in that bucket, so the caller must look closer.
inline bool is_wanted(detail::hook_calls const& calls, void const* address) noexcept {
    return calls.lot->waiting[detail::lot_bucket(address)].load(std::memory_order_relaxed) != 0;
}
// The same, for a caller that has just changed something by libc's call.
inline bool is_wanted_after(detail::hook_calls const& calls, void const* address) noexcept {
#if defined(__x86_64__) || defined(__i386__)
    // Every call of libc that releases something ends with a locked instruction. That is the fence; it pairs with the
    // waiter's count.
    std::atomic_signal_fence(std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the waiter's count
#endif
    return is_wanted(calls, address);
}

// After libc's call: tells the parking lot. One load, unless a fiber waits.
inline void tell(detail::hook_calls const& calls, void const* address, detail::lot_wake how) noexcept {
    if (is_wanted_after(calls, address)) [[unlikely]] (void)calls.wake_in_lot(address, how);
}

// For a plain thread that is about to take a lock: if a fiber insists on that lock, the thread lets the fiber go first,
// for some milliseconds at most.
void let_first(detail::hook_calls const& calls, void const* address) noexcept;

// Whether the call comes from the process's memory allocator. An allocator's locks are held for moments and never over
// a wait, and the runtime allocates where it must not park: so these locks stay libc's.
bool is_from_allocator(void const* return_address) noexcept;
// The same for one address of a stack, if the allocator is a library of its own.
bool is_in_allocator(void const* address) noexcept;

// At the start of a call that may take something free: otherwise a fiber that only takes and gives back would keep its
// worker for ever.
inline void take_turns(detail::hook_calls const& calls, void const* caller) noexcept {
    if (calls.spend() && !is_from_allocator(caller)) [[unlikely]] (void)calls.sched_yield();
}

// Clocks that the pthread functions accept.
inline bool is_known_clock(clockid_t clock) noexcept { return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC; }

}  // namespace ramie::hook
