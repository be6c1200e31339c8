// A duration from now, as a point in time; a time that is too far away is never.
#pragma once

#include <ramie/detail/task/carrier.hpp>

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

// The same for callers that prefer to be some milliseconds late to a look at the clock: from a second on.
template <class Rep, class Period>
time_point roughly_after(std::chrono::duration<Rep, Period> d) {
    if (std::chrono::duration<double>(d).count() < 1 || too_far(d)) return after(d);
    return carrier::a_little_later() + std::chrono::ceil<std::chrono::nanoseconds>(d);
}

// A deadline on any clock, as one on the steady clock. If that clock is set back or stands still later, the result does
// not follow: so a caller that waits until `t` asks has_come(t) once it wakes, or waits by wait_until_clock().
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

// Whether t has come by its own clock. For the steady clock the caller knows: its time has run out.
template <class Clock, class Duration>
bool has_come(std::chrono::time_point<Clock, Duration> t) {
    using namespace std::chrono;
    if constexpr (std::is_same_v<Clock, steady_clock>) {
        return true;
    } else {
        auto const now = Clock::now();
        auto const roughly = duration<double>(t.time_since_epoch()) - duration<double>(now.time_since_epoch());
        if (roughly < seconds(-1) || roughly > seconds(1)) return roughly < seconds(0);  // too far off to subtract, maybe
        return t <= now;
    }
}

inline constexpr auto is_false = [](bool got) { return !got; };

// Makes attempt(limit), a wait that ends at `limit` at the latest. Makes it again while ran_out(its result) says that
// its time ran out but t has not come by its own clock. Each attempt queues anew.
template <class Clock, class Duration, class Attempt, class RanOut = decltype(is_false)>
auto wait_until_clock(std::chrono::time_point<Clock, Duration> t, Attempt&& attempt, RanOut ran_out = is_false) {
    for (;;) {
        auto result = attempt(at(t));
        if (!ran_out(result) || has_come(t)) return result;
    }
}

}  // namespace ramie::detail
