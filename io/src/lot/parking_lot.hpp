// Fibers that wait for something that is only known by its address: a pthread mutex, a semaphore, a function-local static
// that another is initialising. What they wait for stays as libc made it, and libc's own calls change it; the lot says who
// waits, first come first served, and where a wake may have been missed.
//
//   who waits                                             who changes it (fiber or thread)
//   (1) takes a place, counts itself (seq_cst)            (a) changes it: libc's call
//   (2) tries: got it? then leaves                        (b) seq_cst fence
//   (3) parks; woken, it tries again, in its old place    (c) nobody counted in that bucket: done. Else wakes the first
//
// Either (2) sees (a), or (c) sees (1). A woken fiber keeps its place until it has got what it wants: who was quicker has
// not sent it to the end. As long as it has been told and has not tried again, later changes need tell nobody else
// (lot_wake::first): it will tell the next by changing it back, or take its place anew before its last try.
//
// Insisting. A lock that is taken and given back in a loop is free for moments only, and a fiber that is told of each
// comes too late for ever. One that was too late some times in a row insists: its address is in `insisted`, and who comes
// to lock it (libramie-hook asks; fibers, in attempt(), and threads) lets it go first. For some milliseconds at most: who
// insists may be on a worker that is stuck. Those that libc's own calls wake inside do not ask; there are only so many.
//
// Leavers. pthread_cond_wait() of a thread unlocks inside libc. It says so beforehand (lot_leaver), and wakes who waits;
// a fiber that finds the mutex locked, by a thread that is leaving it, looks again after a moment. When it is locked by
// anybody else, that one will either unlock it aloud or leave it in turn, and then it sees our place.
//
// What changes without a word (another process, a robust mutex whose owner died) is found by looking: seldom.
//
// Unproved: the argument is checked by stress tests in which nobody looks.
#pragma once

#include "lot/lot_wait.hpp"

#include <cstdint>

namespace ramie::detail::parking_lot {

// By the fiber that calls. Resumes on its thread.
int wait(lot_wait const&) noexcept;
// From any thread. How many were woken.
unsigned wake(void const* address, lot_wake how) noexcept;

// All in that bucket that keep their places: something was given to one of its addresses.
void wake_bucket(unsigned number) noexcept;

void leave_unseen(lot_leaver&) noexcept;
void left_unseen(lot_leaver&) noexcept;

// The simple form: until still(argument) is false or somebody wakes the address, for some milliseconds at most. Not an
// abort point.
void wait_at(void const* address, bool (*still)(void*), void* argument) noexcept;
void wake_all(void const* address) noexcept;

extern lot_counters counters;
// Tests say no: then a wake that was missed is missed for ever.
extern std::atomic<bool> may_look;

}  // namespace ramie::detail::parking_lot
