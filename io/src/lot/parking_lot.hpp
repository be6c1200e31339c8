// Fibers that wait for something that is only known by its address: a pthread mutex, a semaphore, a function-local
// static that another thread or fiber initialises. That object stays as libc made it, and libc's own calls change it.
// The lot keeps the queue of waiting fibers, first come first served, and finds out where a wake may have been missed.
//
//   the waiting fiber                                     the fiber or thread that changes the object
//   (1) takes a place, counts itself; seq_cst fence       (a) changes it: libc's call
//   (2) tries; leaves if it got what it wants             (b) seq_cst fence
//   (3) parks; woken, it tries again, in its old place    (c) none counted in that bucket: done. Else wakes the first
//
// Either (2) sees (a), or (c) sees (1). A woken fiber keeps its place in the queue until it has got what it wants, so
// it is not sent to the end when another was quicker. While a place has been told and has not tried again, later
// changes need not wake another one (lot_wake::first): the fiber that was told changes the object back in time, and
// that wakes the next; or it renews its place before it tries the last time.
//
// Insisting. A lock that is locked and unlocked in a loop is free for moments only, and a fiber that is woken by each
// unlock may come too late for ever. A fiber that was too late some times in a row insists: its address stands in
// `insisted`, and others that come to lock this lock let it go first (threads, because libramie-hook asks; fibers, in
// may_try()). They do so for some milliseconds at most, because the fiber that insists may be on a stuck worker.
// Threads that libc wakes inside its own calls do not ask; there are only so many of them.
//
// Leavers. A thread's pthread_cond_wait() unlocks the mutex inside libc. The thread says so beforehand (lot_leaver),
// and wakes the fibers that wait. A fiber that finds the mutex still locked by a leaving thread looks again after a
// moment. If another thread holds the mutex, that thread will either unlock it through the hook or become a leaver in
// turn, and then it sees our place.
//
// Changes that no hooked call announces (by another process; a robust mutex, when its owner dies) are found by looking,
// seldom.
//
// Checked by a model (tests/model/parking_lot_test.cpp), but for the insisting.
#pragma once

#include "lot/lot_wait.hpp"

#include <cstdint>

namespace ramie::detail::parking_lot {

// To be called by a fiber. Resumes on the same thread.
int wait(lot_wait const&) noexcept;
// From any thread. Returns how many were woken.
unsigned wake(void const* address, lot_wake how) noexcept;

// Wakes all fibers of that bucket that keep their places when woken: something was given to one of its addresses.
void wake_bucket(unsigned number) noexcept;

void leave_unseen(lot_leaver&) noexcept;
void left_unseen(lot_leaver&) noexcept;

// The simple form: waits until still(argument) is false or the address is woken, for some milliseconds at most. Not an
// abort point.
void wait_at(void const* address, bool (*still)(void*), void* argument) noexcept;
void wake_all(void const* address) noexcept;

extern lot_counters counters;
// Tests set it to false: then a missed wake is missed for ever.
extern atomic<bool> may_look;

}  // namespace ramie::detail::parking_lot
