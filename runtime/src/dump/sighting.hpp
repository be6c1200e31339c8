// What a dump knows of one task, or of one thread that waits.
#pragma once

#include <ramie/detail/sight/task_sight.hpp>
#include <ramie/detail/sight/trace_book.hpp>
#include <ramie/detail/sleep/driver.hpp>
#include <ramie/error.hpp>

#include <source_location>
#include <string>

namespace ramie::detail {

struct sighting {
    using doing = task_sight::doing;

    task_id id = 0;
    std::string name;
    std::source_location where;
    doing now = doing::has_ended;
    bool pinned = false, blocking = false, aborted = false;
    int worker = -1;  // where it runs or ran last; -1: nowhere yet, or not known
    wait_sight wait;
    task_id joins = 0;              // the task whose end it waits for; 0: none
    time_point deadline = never;    // of its wait
    outside_wait outside;           // the descriptor that it waits for, if it is one
    driver const* world = nullptr;  // says what that is
    stack_use stack;
    thread_question::answer answer = thread_question::answer::stack;  // of a running one
    trace_number stands_at = trace_book::none;

    // What it waits for, without the object: equal for tasks that may be shown together.
    std::string_view waits_for() const noexcept { return wait.what != nullptr ? wait.what : ""; }
};

}  // namespace ramie::detail
