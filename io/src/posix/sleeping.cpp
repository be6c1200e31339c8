#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"
#include "posix/receiving.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/posix.hpp>

#include <sched.h>

namespace ramie {

using detail::calling_fiber;
using detail::libc;
using detail::time_point;

namespace {

// 0: the time has come. Else the error of what came first.
int sleep_until(detail::waiter& self, time_point until) noexcept {
    if (!detail::may_go_on(self, "sleep")) return errno;
    if (until <= detail::carrier::now()) {  // sleep(0) lets others run
        detail::stay const here(self);
        detail::carrier::this_lane()->yield();
        return 0;
    }
    auto const ended = detail::park_here(self, self.state.generation(), {"sleep"}, until, detail::after_handler::ends);
    return ended == EAGAIN ? 0 : ended;
}

bool is_valid(timespec const* t) noexcept {
    return t != nullptr && t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1'000'000'000;
}

// The error, as clock_nanosleep returns it.
int sleep_for(detail::waiter& self, timespec const& time, timespec* left) noexcept {
    auto const until = detail::after(detail::duration_of(time));
    auto const error = sleep_until(self, until);
    if (error != 0 && left != nullptr) *left = detail::timespec_of(until);
    return error;
}

int answer(int error) noexcept {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

}  // namespace

unsigned posix::sleep(unsigned seconds) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().sleep(seconds);
    timespec left{};
    if (sleep_for(*self, {static_cast<time_t>(seconds), 0}, &left) == 0) return 0;
    return static_cast<unsigned>(left.tv_sec) + (left.tv_nsec > 0 ? 1 : 0);
}

int posix::usleep(useconds_t microseconds) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().usleep(microseconds);
    auto const us = static_cast<long>(microseconds);
    return answer(sleep_for(*self, {us / 1'000'000, us % 1'000'000 * 1000}, nullptr));
}

int posix::nanosleep(timespec const* time, timespec* left) {
    auto* const self = calling_fiber();
    if (self == nullptr || !is_valid(time)) return libc().nanosleep(time, left);
    return answer(sleep_for(*self, *time, left));
}

int posix::clock_nanosleep(clockid_t clock, int flags, timespec const* time, timespec* left) {
    auto* const self = calling_fiber();
    bool const known =
        clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
    if (self == nullptr || !known || !is_valid(time)) return libc().clock_nanosleep(clock, flags, time, left);
    if ((flags & TIMER_ABSTIME) == 0) return sleep_for(*self, *time, left);
    timespec now{};
    ::clock_gettime(clock, &now);
    auto const away = detail::duration_of(*time) - detail::duration_of(now);
    return sleep_until(*self, detail::after(away));
}

int posix::sched_yield() {
    auto* const self = detail::running_fiber();
    if (self == nullptr) return ::sched_yield();
    detail::stay const here(*self);
    detail::carrier::this_lane()->yield();
    return 0;
}

}  // namespace ramie
