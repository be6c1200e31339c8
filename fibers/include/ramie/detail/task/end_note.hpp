// Who must know when a task has ended (a scope, a task_tracker, a join_set, join and race, async) leaves a note in the
// task's frame. The note is told once, as the last thing that is done for the task: its body, callable and fiber_locals,
// and a result or failure that no handle owns, are gone by then, and the runtime does not count the task any more. Joins
// see the end after that.
//
// tell() may not wait and runs no user code. What it tells may be gone when it returns: nothing of the task uses that
// afterwards. A task whose making failed was never spawned: its note is destroyed untold.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <concepts>

namespace ramie::detail {

template <class N>
concept end_note = std::move_constructible<N> && requires(N note) {
    { note.tell() } noexcept;
};

// Of an ordinary task, which nobody counts: costs nothing.
struct no_end_note {
    void tell() noexcept {}
};

}  // namespace ramie::detail
