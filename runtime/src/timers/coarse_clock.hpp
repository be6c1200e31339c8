// A time that is not yet past, without reading the hardware's clock.
//
// The kernel notes the time at each tick; CLOCK_MONOTONIC_COARSE reads that note for a fifth of the cost of the exact
// clock. A note may be a tick old, and older, because the tick that writes it may itself be late: up to 6.2 ms were
// seen with ticks of 4 ms. So the bound is the note plus two ticks.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail::coarse_clock {

// The note itself.
time_point note() noexcept;

// Not before steady_clock::now() unless a tick was late by more than a tick; at most two ticks after it.
time_point bound() noexcept;

}  // namespace ramie::detail::coarse_clock
