// Something to be done again and again, a period apart.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/select_case.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace ramie {

namespace detail {
template <class Handler>
class tick_case;
}

// What tick() does about instants that passed while tick() was not called. With a period of 10, and the second tick taken at 35:
//   burst  the missed ones come at once, until it has caught up:   0, 10, 20, 30 (all three at 35), 40, 50
//   delay  the next one is a whole period from now:                0, 10 (at 35), 45, 55
//   skip   they are left out, the rest come when they always would: 0, 10 (at 35), 40, 50
// A tick counts as missed when it is taken more than 5 ms late (or a period, if that is less), so that small delays do
// not add up.
enum class missed_tick_policy : std::uint8_t { burst, delay, skip };

// Belongs to one fiber or plain thread at a time.
class interval {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    // The first tick comes at once, or at `start` (a clock other than the steady one is asked here, once); the others a
    // period apart. std::invalid_argument: the period is not greater than zero.
    template <class Rep, class Period>
    explicit interval(std::chrono::duration<Rep, Period> period)
        : period_(checked(period)), next_(detail::carrier::now()) {}
    template <class Clock, class Duration, class Rep, class Period>
    interval(std::chrono::time_point<Clock, Duration> start, std::chrono::duration<Rep, Period> period)
        : period_(checked(period)), next_(detail::at(start)) {}

    // Waits until the next instant and returns it: when the tick was due, which may be earlier than now. Suspension
    // point. Aborted or timed out, it has consumed no tick: the next call waits for the same one. A tick that is due
    // wins over a timeout.
    RAMIE_API time_point tick();

    missed_tick_policy policy() const noexcept { return policy_; }
    // burst, unless set.
    void set_missed_tick_policy(missed_tick_policy policy) noexcept { policy_ = policy; }

    std::chrono::nanoseconds period() const noexcept { return period_; }

    // When the next tick comes from now on: in a period, now, in d, at t. The others follow a period apart.
    RAMIE_API void reset() noexcept;
    void reset_immediately() noexcept { next_ = detail::carrier::now(); }
    template <class Rep, class Period>
    void reset_after(std::chrono::duration<Rep, Period> d) {
        next_ = detail::after(d);
    }
    template <class Clock, class Duration>
    void reset_at(std::chrono::time_point<Clock, Duration> t) {
        next_ = detail::at(t);
    }

  private:
    template <class Handler>
    friend class detail::tick_case;

    template <class Rep, class Period>
    static std::chrono::nanoseconds checked(std::chrono::duration<Rep, Period> period) {
        if (!(period > period.zero())) refuse_period();
        if (detail::too_far(period)) return std::chrono::nanoseconds::max();
        return std::chrono::ceil<std::chrono::nanoseconds>(period);
    }
    [[noreturn]] RAMIE_API static void refuse_period();
    // Consumes the tick that is due, and returns it.
    RAMIE_API time_point take() noexcept;

    std::chrono::nanoseconds period_;
    time_point next_;
    missed_tick_policy policy_ = missed_tick_policy::burst;
};

namespace detail {

template <class Handler>
class tick_case {
  public:
    tick_case(interval& of, Handler handler) : of_(of), handler_(std::move(handler)) {}
    bool poll() const noexcept { return of_.next_ <= carrier::now(); }
    enlisting enlist(waiter&, std::uint64_t) const noexcept { return enlisting::queued; }
    bool withdraw() const noexcept { return false; }
    time_point limit() const noexcept { return of_.next_; }
    void complete() { handler_(of_.take()); }

  private:
    interval& of_;
    Handler handler_;
};

}  // namespace detail

// A case of a select (<ramie/select.hpp>): ready when the next tick is due; a select that goes on by another case leaves it
// to be taken later. handler(when it was due: a std::chrono::steady_clock::time_point).
template <class Handler>
auto on_tick(interval& of, Handler handler) {
    return detail::tick_case<Handler>(of, std::move(handler));
}

}  // namespace ramie
