// Properties of a task, given before it is spawned.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <source_location>
#include <string>

namespace ramie {

struct task_options {
    // Shown in dumps, messages and join errors.
    std::string name = {};
    // Usable bytes of its stack, rounded up to a size class; 0: the runtime's default. Only pages that are touched cost
    // memory. Out of range: std::invalid_argument at spawn.
    std::size_t stack_size = 0;
    // Runs on one worker only, for code that keeps thread-bound things over a wait.
    bool pinned = false;
    std::source_location where = std::source_location::current();
};

}  // namespace ramie
