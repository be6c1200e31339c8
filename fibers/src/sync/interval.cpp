#include <ramie/interval.hpp>

#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <stdexcept>

namespace ramie {

using namespace std::chrono_literals;

namespace {

using std::chrono::nanoseconds;
using time_point = interval::time_point;

// t + d, or never. `t` is not before the clock's epoch.
time_point later(time_point t, nanoseconds d) noexcept { return d < detail::never - t ? t + d : detail::never; }

}  // namespace

void interval::refuse_period() {
    throw std::invalid_argument("ramie: interval: the period must be greater than zero");
}

interval::time_point interval::tick() {
    // A tick that is due need not wait, so an outer timeout does not matter.
    if (next_ > detail::carrier::now()) detail::sleep(next_);
    else (void)detail::waiter::enter();
    return take();
}

interval::time_point interval::take() noexcept {
    auto const due = next_;
    auto const now = detail::carrier::now();
    bool const missed = now - due > std::min<nanoseconds>(5ms, period_);
    if (!missed || policy_ == missed_tick_policy::burst) next_ = later(due, period_);
    else if (policy_ == missed_tick_policy::delay) next_ = later(now, period_);
    else next_ = later(now, period_ - (now - due) % period_);
    return due;
}

void interval::reset() noexcept { next_ = later(detail::carrier::now(), period_); }

}  // namespace ramie
