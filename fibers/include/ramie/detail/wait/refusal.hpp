// A task that was told to stop is refused each wait that it tries: an abort or a passed deadline is thrown, or a call
// says ECANCELED. So what it does waits no more, and a loop that takes no notice (`catch (...) {}` round a sleep,
// `while (read(...) < 0);`) would have its worker for ever. That is why refusals are counted, as long as they follow one
// another: the first are at once, for that is how a task winds up; then others run before each; and who still goes on is
// given longer and longer sleeps. It is named at the end of the runtime.
//
// The count costs no memory: it is kept where a waiting task says what it waits for (waiter::reason and object), which
// is free while it runs. A wait that really begins overwrites it, and so ends it.
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

    char const* what = nullptr;  // the last wait that was refused; null: none, or it has waited since
    std::uint64_t count = 0;

    // Of any task, from any thread.
    static refusals of(waiter const&) noexcept;
};

// `self`, which runs, is refused `what` (a literal): it returns when that may be said. Suspension point; no abort point.
void refuse(waiter& self, char const* what) noexcept;

}  // namespace ramie::detail
