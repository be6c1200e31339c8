// Asking a lane's thread for the stack of the task that it runs right now.
//
// The asker sends the thread a signal. Its handler copies the interrupted registers and the stack into the asker's
// stack_copy, and that is all: it takes no lock, allocates nothing and walks nothing. So it does not matter what was
// interrupted: malloc, the dynamic linker, an unwinding. In the middle of a switch there is no stack to copy, and the
// handler says so.
//
//   the word: the thread's number, and where the question is      free -> asked -> answering -> answered -> free
//   the asker   writes the question; free -> asked; signals; waits for `answered`. If that takes too long (the thread
//   has
//               blocked the signal): asked -> free, unless the handler was faster, which is done in a moment
//   the handler asked -> answering, if its own number is in the word; answers; -> answered; wakes the asker
// A signal that comes late finds another number, or no question, and nothing happens. One question at a time.
//
// The signal is SIGURG, which by default does nothing and which hardly any program uses; a handler that was there is
// called for every SIGURG that is not ours.
#pragma once

#include <ramie/detail/sight/stack_copy.hpp>
#include <ramie/detail/task/task.hpp>

#include <chrono>

namespace ramie::detail {

// What a task has of its stack.
struct stack_use {
    std::size_t used = 0, size = 0, deepest = 0;  // bytes; `deepest`: the most that was seen at a switch
    static stack_use of(stack const& s, std::uintptr_t sp) noexcept;
};

struct thread_question {
    enum class answer : std::uint8_t {
        stack,      // `to` and `use` are filled in
        elsewhere,  // the thread has left that task
        switching,  // it is in the middle of a switch
        own_stack,  // the task runs on a stack that it has brought itself
        silent      // the thread does not answer
    };

    int thread;  // its number
    lane const& of;
    task const& running;  // the asker has a reference
    stack_copy& to;
    stack_use use = {};

    answer ask(std::chrono::milliseconds patience);
};

}  // namespace ramie::detail
