// A duration from now, as a point in time; what is too far away is never.
#pragma once

#include <ramie/detail/carrier.hpp>

#include <chrono>
#include <type_traits>

namespace ramie::detail {

// In floating point: hours::max() does not fit into nanoseconds.
template <class Rep, class Period>
bool too_far(std::chrono::duration<Rep, Period> d) {
    using namespace std::chrono;
    return duration<double>(d) > duration<double>(hours(24 * 365 * 100));
}

template <class Rep, class Period>
time_point after(std::chrono::duration<Rep, Period> d) {
    if (d <= d.zero()) return carrier::now();
    if (too_far(d)) return never;
    return carrier::now() + std::chrono::ceil<std::chrono::nanoseconds>(d);
}

// The same for who would rather be some milliseconds late than look at the clock: from a second on.
template <class Rep, class Period>
time_point roughly_after(std::chrono::duration<Rep, Period> d) {
    if (d < std::chrono::seconds(1) || too_far(d)) return after(d);
    return carrier::a_little_later() + std::chrono::ceil<std::chrono::nanoseconds>(d);
}

// A deadline on any clock, as one on the steady clock.
template <class Clock, class Duration>
time_point at(std::chrono::time_point<Clock, Duration> t) {
    using namespace std::chrono;
    auto const since_epoch = t.time_since_epoch();
    if constexpr (std::is_same_v<Clock, steady_clock>) {
        if (since_epoch <= since_epoch.zero()) return time_point{};  // long gone
        return too_far(since_epoch) ? never : time_point(ceil<nanoseconds>(since_epoch));
    } else {
        auto const now = Clock::now();
        auto const roughly = duration<double>(since_epoch) - duration<double>(now.time_since_epoch());
        if (roughly < seconds(-1)) return carrier::now();
        return too_far(roughly) ? never : after(t - now);
    }
}

}  // namespace ramie::detail
