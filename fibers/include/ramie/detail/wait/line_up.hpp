// The plain wait: at the end of one queue, until a waker claims it. For primitives whose wakers have done everything by
// then, so that a woken waiter touches the primitive no more: it may be gone.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <mutex>

namespace ramie::detail {

// Called with `held` locked, returns with it unlocked. True: claimed by a waker. False: `limit` came first. Throws
// aborted and deadline_passed. Check the abort point before.
[[nodiscard]] inline bool line_up(wait_queue& queue, word_lock& held, waiter& self, wait_reason why,
                                  time_point limit = never) {
    wait_node node(self);
    queue.push_back(node);
    auto const end = park(node, why, &held, limit);
    if (end.woken()) return true;
    {
        std::lock_guard const again(held);
        queue.remove(node);
    }
    end.raise();
    return false;
}

}  // namespace ramie::detail
