// The skeleton of a wait in one queue: every primitive that keeps its waiters in a wait_queue waits by line_up(), or by
// what is made of it: await() and wait_until_told() (await.hpp), obtain() and the cases of a select (want.hpp).
//
// Primitives differ in three things only:
//
//   what the waker has done          what the woken waiter does       may the primitive be gone by then
//   1. everything: latch, scope,     returns                          yes: it is touched no more
//      notify, a descriptor's word
//   2. gave this waiter something:   reads it in its own frame, by    yes
//      semaphore, channel,           its node's slot
//      shared_mutex, mutex at times
//   3. nothing: a look may be worth  locks and looks again            no: the waiter has a share in it, or its owner
//      while: watch, join_set, mutex                                  waits for the waiters
//
// A waiter that gives up (abort, limit) takes its node off the queue under the lock; a waker that came first has won,
// and then it has not given up. What else its place stood for it undoes by `give_up`, in the same section: a semaphore
// serves the waiters behind a large wish, a shared_mutex those that a writer kept out, a channel gives back the room
// that it kept for a reservation, a mutex notes whether its queue is empty now.
//
// What waits without it: join (a slot in the task, no queue: join.cpp), condition_variable (it stands in the queue
// before it gives the user's lock up, and says how it ended after it has that again), select (several queues at once),
// and the calls of io that wait for several descriptors; those share leave_line().
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

namespace ramie::detail {

// Nothing else to undo.
struct gives_up_its_place {
    void operator()(woken_list&) const noexcept {}
};

// Takes back what `node` showed; then give_up(woken_list&), which adds to the list what is to be resumed after unlocking.
template <class GiveUp = gives_up_its_place>
void leave_line(wait_queue& queue, word_lock& lock, wait_node& node, GiveUp give_up = {}) noexcept
    RAMIE_RULES_NOT_CHECKED /* give_up() knows the lock by its owner's name */ {
    woken_list woken;
    word_guard const held(lock);
    queue.remove(node);
    give_up(woken);
}

// `node` is in `queue`, and `held` is locked; returns with it unlocked. True: a waker has claimed the wait. False: `limit`
// came first. Throws aborted and deadline_passed. (Enter, the abort point, comes before all this.)
template <class GiveUp = gives_up_its_place>
[[nodiscard]] inline bool stay_in_line(wait_queue& queue, word_lock& held, wait_node& node, wait_reason why,
                                       time_point limit, GiveUp give_up = {})
    RAMIE_GIVES_UP(held) RAMIE_RULES_NOT_CHECKED /* park() gives it up */ {
    auto const end = park(node, why, &held, limit);
    if (end.woken()) return true;
    leave_line(queue, held, node, give_up);
    end.raise();
    return false;
}

// The same from the queue's end.
template <class GiveUp = gives_up_its_place>
[[nodiscard]] inline bool line_up(wait_queue& queue, word_lock& held, wait_node& node, wait_reason why,
                                  time_point limit = never, GiveUp give_up = {}) RAMIE_GIVES_UP(held) {
    queue.push_back(node);
    return stay_in_line(queue, held, node, why, limit, give_up);
}

// Variant 1, with a node of its own.
[[nodiscard]] inline bool line_up(wait_queue& queue, word_lock& held, waiter& self, wait_reason why,
                                  time_point limit = never) RAMIE_GIVES_UP(held) {
    wait_node node(self);
    return line_up(queue, held, node, why, limit);
}

}  // namespace ramie::detail
