// A duration from now, as a point in time; what is too far away is never.
#pragma once

#include <ramie/detail/carrier.hpp>

#include <chrono>

namespace ramie::detail {

template <class Rep, class Period>
time_point after(std::chrono::duration<Rep, Period> d) {
    using namespace std::chrono;
    if (d <= d.zero()) return carrier::now();
    // In floating point first: hours::max() does not fit into nanoseconds.
    if (duration<double>(d) > duration<double>(hours(24 * 365 * 100))) return never;
    return carrier::now() + ceil<nanoseconds>(d);
}

// A deadline on any clock, as one on the steady clock.
template <class Clock, class Duration>
time_point at(std::chrono::time_point<Clock, Duration> t) {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
        using std::chrono::ceil;
        if (t >= std::chrono::time_point<Clock, Duration>::max()) return never;
        return std::chrono::time_point_cast<std::chrono::nanoseconds>(t);
    } else {
        return after(t - Clock::now());
    }
}

}  // namespace ramie::detail
