// Code of the running fiber with a thread state of its own.
#pragma once

#include "thread_state/thread_block.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/this_fiber.hpp>

namespace ramie::detail {

// Calls `body` with that state on, and then ends the thread that it stands for. `body` catches all: which exceptions are
// caught, and how many are not yet, is part of the state. `in_child`: called instead of the rest in a child that `body` has
// forked, where there is no lane any more; does not return.
template <class Body, class InChild>
void run_with_state(thread_block const& own, Body&& body, InChild&& in_child) noexcept {
    carrier::this_lane()->begin_own_state(own);
    begin_thread();
    body();
    if (!home_process::is_here()) in_child();
    {
        abort_shield const whole;  // no exception may leave those destructors
        end_thread();
    }
    carrier::this_lane()->end_own_state();
}

}  // namespace ramie::detail
