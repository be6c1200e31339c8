// A clock that stands where the test puts it.
#pragma once

#include <chrono>

namespace ramie::testing {

struct test_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<test_clock>;
    static constexpr bool is_steady = false;
    static time_point now() noexcept { return reading; }

    static inline time_point reading{std::chrono::hours(1000)};
};

}  // namespace ramie::testing
