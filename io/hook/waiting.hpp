// What all interposed calls share that wait for other code and not for a descriptor. Whoever changes what fibers may wait
// for, by libc's own call, tells the parking lot afterwards; who waits on a fiber does it there (posix/parking_lot.hpp).
// On plain threads the waits are libc's.
#pragma once

#include "hook_state.hpp"

#include <atomic>

namespace ramie::hook {

// A fiber waits for something in that bucket: who comes by must look closer.
inline bool is_wanted(detail::hook_calls const& calls, void const* address) noexcept {
    return calls.lot->waiting[detail::lot_bucket(address)].load(std::memory_order_relaxed) != 0;
}
// The same, of who has just changed it by libc's call.
inline bool is_wanted_after(detail::hook_calls const& calls, void const* address) noexcept {
#if defined(__x86_64__) || defined(__i386__)
    // Every call of libc that gives something back ends with a locked instruction, which is the fence; it pairs with the
    // waiter's count.
    std::atomic_signal_fence(std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the waiter's count
#endif
    return is_wanted(calls, address);
}

// After libc's call: one load, unless a fiber waits.
inline void tell(detail::hook_calls const& calls, void const* address, detail::lot_wake how) noexcept {
    if (is_wanted_after(calls, address)) [[unlikely]] (void)calls.wake_in_lot(address, how);
}

// A plain thread that is about to take a lock which a fiber has come too late for again and again: it lets that one go
// first, for some milliseconds at most.
void let_first(detail::hook_calls const& calls, void const* address) noexcept;

// Whether the call comes from the process's memory allocator. Its locks are held for moments and never over a wait, and
// the runtime allocates in the middle of things: so they stay libc's.
bool is_from_allocator(void const* return_address) noexcept;
// The same of one address of a stack, as far as the allocator is a library of its own.
bool is_in_allocator(void const* address) noexcept;

// At the entry of a call that takes what may be free: a fiber that does nothing but take and give back must not keep its
// worker for ever.
inline void take_turns(detail::hook_calls const& calls, void const* caller) noexcept {
    if (calls.spend() && !is_from_allocator(caller)) [[unlikely]] (void)calls.sched_yield();
}

// As pthread functions take them: by CLOCK_REALTIME or CLOCK_MONOTONIC.
inline bool is_known_clock(clockid_t clock) noexcept { return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC; }

}  // namespace ramie::hook
