#include "timers/coarse_clock.hpp"

#include <ctime>

namespace ramie::detail::coarse_clock {

namespace {

time_point::duration as_duration(timespec const& t) noexcept {
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

time_point::duration tick() noexcept {
    timespec resolution{};
    if (::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0) return time_point::duration::max();
    return as_duration(resolution);
}

}  // namespace

time_point note() noexcept {
    timespec noted{};
    if (::clock_gettime(CLOCK_MONOTONIC_COARSE, &noted) != 0) return std::chrono::steady_clock::now();
    return time_point(as_duration(noted));
}

time_point bound() noexcept {
    static auto const two_ticks = [] {
        auto const one = tick();
        return one <= std::chrono::milliseconds(10) ? 2 * one : time_point::duration::zero();
    }();
    timespec note{};
    if (two_ticks == two_ticks.zero() || ::clock_gettime(CLOCK_MONOTONIC_COARSE, &note) != 0)
        return std::chrono::steady_clock::now();  // there is no such clock, or it is too coarse
    return time_point(as_duration(note) + two_ticks);
}

}  // namespace ramie::detail::coarse_clock
