// A task that was told to stop is refused each wait that it tries: an abort or a passed deadline is thrown, or a call
// says ECANCELED. So its code does not wait any more, and a loop that ignores the refusals (`catch (...) {}` round a
// sleep, `while (read(...) < 0);`) would keep its worker for ever. Therefore consecutive refusals are counted. The
// first come at once, because a task needs them to wind up; then others run before each refusal; a task that still goes
// on gets longer and longer sleeps. The end of the runtime names it.
//
// The count costs no memory: it is kept where a waiting task notes what it waits for (waiter::reason and object), which
// is free while the task runs. A wait that really begins overwrites the count, and so ends it.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <chrono>
#include <cstdint>

namespace ramie::detail {

struct refusals {
    static constexpr std::uint64_t at_once = 16;         // the first
    static constexpr std::uint64_t without_sleep = 10'000;
    static constexpr std::chrono::milliseconds first_sleep{1}, last_sleep{100};
    static constexpr std::uint64_t sleeps_of_a_length = 16;

    char const* what = nullptr;  // the last refused wait; null: none, or the task has waited since
    std::uint64_t count = 0;

    // For any task, from any thread.
    static refusals of(waiter const&) noexcept;
};

// `self`, the running task, is refused `what` (a literal): returns when the refusal may be told. Suspension point; not
// an abort point.
void refuse(waiter& self, char const* what) noexcept;

}  // namespace ramie::detail
