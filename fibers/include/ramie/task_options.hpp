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
    // What a thread keeps for itself is the task's: the thread_locals of all libraries, errno, pthread_self(), the values of
    // pthread keys. It goes along when the task goes on in another thread, and no other task sees it. For code that keeps
    // a thread-local over a wait, or that tells callers apart by their thread. At the task's end the destructors of its
    // thread_locals and of its keys run, as at a thread's end; an abort does not interrupt them. Costs a few kilobytes and
    // a microsecond per task, and a few nanoseconds per switch (docs/porting.md). Without memory for it, the task's join
    // receives std::bad_alloc. Where it cannot be had (own_thread_state.hpp): std::system_error at spawn. A blocking job
    // has its thread's.
    bool own_thread_state = false;
    std::source_location where = std::source_location::current();
};

}  // namespace ramie
