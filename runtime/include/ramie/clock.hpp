// The clocks of code that is also to run in a simulation (simulate.hpp): there they are virtual, and everywhere else
// they are std::chrono's.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <chrono>

namespace ramie {

// As std::chrono::steady_clock, whose points in time it gives. From any thread; not a suspension point.
struct steady_clock {
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    [[nodiscard]] RAMIE_API static time_point now() noexcept;
};

// As std::chrono::system_clock, but with points in time of its own, so that a wait until one of them asks this clock.
// A simulation begins at the start of the year 2030 (UTC). From any thread; not a suspension point.
struct system_clock {
    using duration = std::chrono::system_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<system_clock>;
    static constexpr bool is_steady = false;

    [[nodiscard]] RAMIE_API static time_point now() noexcept;
    // The same moment for std, to be formatted or stored.
    template <class Duration>
    static std::chrono::time_point<std::chrono::system_clock, Duration>
    to_sys(std::chrono::time_point<system_clock, Duration> t) noexcept {
        return std::chrono::time_point<std::chrono::system_clock, Duration>(t.time_since_epoch());
    }
    template <class Duration>
    static std::chrono::time_point<system_clock, Duration>
    from_sys(std::chrono::time_point<std::chrono::system_clock, Duration> t) noexcept {
        return std::chrono::time_point<system_clock, Duration>(t.time_since_epoch());
    }
};

}  // namespace ramie
