// For tests of tasks with a thread state of their own.
#pragma once

#include <ramie/own_thread_state.hpp>
#include <ramie/task_options.hpp>

#include <doctest/doctest.h>

namespace ramie::testing {

inline task_options own() { return {.own_thread_state = true}; }

// Says why, if there are none here.
inline bool no_thread_states() {
    auto const missing = missing_for_own_thread_state();
    if (!missing.empty()) MESSAGE("skipped: " << missing);
    return !missing.empty();
}

}  // namespace ramie::testing
