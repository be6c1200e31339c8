#include "ready/alarm_clock.hpp"

#include <ramie/detail/machine/above_standard.hpp>

#include <cerrno>
#include <chrono>
#include <system_error>

#include <sys/timerfd.h>

namespace ramie::detail {

alarm_clock::alarm_clock() : fd_(above_standard(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))) {
    if (fd_.get() < 0) throw std::system_error(errno, std::system_category(), "ramie: timerfd_create");
}

void alarm_clock::set(time_point until, time_point now) noexcept {
    if (rings_at_ > now && rings_at_ <= until) return;
    using namespace std::chrono;
    auto const since_boot = until.time_since_epoch();
    auto const whole = floor<seconds>(since_boot);
    itimerspec at{};
    at.it_value.tv_sec = static_cast<time_t>(whole.count());
    at.it_value.tv_nsec = static_cast<long>(nanoseconds(since_boot - whole).count());
    // Cannot fail: the time is valid and not zero (which would disarm), for it is later than `now`.
    ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
    rings_at_ = until;
}

}  // namespace ramie::detail
