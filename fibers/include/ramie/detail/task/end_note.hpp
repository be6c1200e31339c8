// A scope, a task_tracker, a join_set, join, race or async must know when its task has ended. It leaves a note in the
// task's frame. The note is told once, as the last thing that is done for the task: by then its body, callable and
// fiber_locals, and a result or failure that no handle owns, are gone, and the runtime does not count the task any
// more. Joins see the end after that.
//
// tell() must not wait and runs no user code. The object that it tells may be gone when it returns: the task does not
// use it afterwards. If a task could not be made, it was never spawned: its note is destroyed untold.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <concepts>

namespace ramie::detail {

template <class N>
concept end_note = std::move_constructible<N> && requires(N note) {
    { note.tell() } noexcept;
};

// For an ordinary task that is not counted: costs nothing.
struct no_end_note {
    void tell() noexcept {}
};

}  // namespace ramie::detail
