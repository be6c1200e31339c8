// Waiting until something is so (line_up.hpp), in its two plain forms.
#pragma once

#include <ramie/detail/wait/line_up.hpp>

#include <mutex>

namespace ramie::detail {

// Variant 1: the waker claims all in the queue, and is done with them: a woken waiter touches the primitive no more.
// False: the limit passed. Throws aborted and deadline_passed. Enter before.
template <class Over>
[[nodiscard]] bool wait_until_told(word_lock& lock, wait_queue& queue, waiter& self, wait_reason why, time_point limit,
                                   Over over) {
    lock.lock();
    if (over()) {
        lock.unlock();
        return true;
    }
    return line_up(queue, lock, self, why, limit);
}

// Variant 3: the waker hands nothing over: it wakes some or all, and each looks again. An abort or a timeout thus has
// nothing to give back. Returns holding `lock`, with ready() true; or not holding it: the limit passed. Throws aborted
// and deadline_passed.
template <class Ready>
[[nodiscard]] std::unique_lock<word_lock> await(word_lock& lock, wait_queue& queue, wait_reason why, time_point limit,
                                                Ready ready)
    RAMIE_RULES_NOT_CHECKED /* a std::unique_lock has it meanwhile */ {
    auto& self = waiter::enter();
    for (;;) {
        std::unique_lock held(lock);
        if (ready()) return held;
        if (!line_up(queue, *held.release(), self, why, limit)) return {};
    }
}

}  // namespace ramie::detail
