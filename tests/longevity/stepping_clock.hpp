// The wall clock of this program, which can be set: its own clock_gettime stands before libc's, as libfaketime's would.
#pragma once

#include <chrono>

namespace ramie::testing {

// Sets std::chrono::system_clock (CLOCK_REALTIME) so far from the machine's.
void step_wall_clock_to(std::chrono::nanoseconds ahead) noexcept;

}  // namespace ramie::testing
