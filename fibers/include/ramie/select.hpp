// Waiting for several events at once; the first one that is ready wins, and only it takes effect. (How:
// detail/wait/select_case.hpp.)
#pragma once

#include <ramie/detail/select/selection.hpp>
#include <ramie/detail/task/after.hpp>

#include <chrono>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

template <class Handler>
class sleep_case {
  public:
    sleep_case(time_point until, Handler handler) : until_(until), handler_(std::move(handler)) {}
    bool poll() { return until_ <= carrier::now(); }
    enlisting enlist(waiter&, std::uint64_t) noexcept { return enlisting::queued; }
    bool withdraw() noexcept { return false; }
    time_point limit() const noexcept { return until_; }
    void complete() { handler_(); }

  private:
    time_point until_;
    Handler handler_;
};

// The same by another clock: each time the deadline seems to have come, that clock is asked.
template <class TimePoint, class Handler>
class deadline_case {
  public:
    deadline_case(TimePoint t, Handler handler) : t_(t), handler_(std::move(handler)) {}
    bool poll() {
        until_ = at(t_);
        return has_come(t_);
    }
    enlisting enlist(waiter&, std::uint64_t) noexcept { return enlisting::queued; }
    bool withdraw() noexcept { return false; }
    time_point limit() const noexcept { return until_; }
    bool confirm() { return has_come(t_); }
    void complete() { handler_(); }

  private:
    TimePoint t_;
    time_point until_ = never;
    Handler handler_;
};

template <class Handler>
struct default_case {
    Handler handler;
};
template <class T>
inline constexpr bool is_default_case = false;
template <class H>
inline constexpr bool is_default_case<default_case<H>> = true;

template <bool Fair, class... Cases>
std::size_t select_from(bool wait, Cases&&... cases) {
    static_assert((!is_default_case<Cases> && ...),
                  "ramie: otherwise() must be the last case of a select, and the only one");
    static_assert(((select_case<Cases> || is_default_case<Cases>) && ...),
                  "ramie: select takes cases: on_receive(...), on_sleep(...), otherwise(...), ...");
    auto winner = sizeof...(Cases);
    if constexpr ((select_case<Cases> && ...)) {  // the reasons above are the only errors
        std::tuple<Cases...> all(std::move(cases)...);
        selection<Cases...> chosen(all, Fair);
        winner = chosen.run(wait);
        if (winner != sizeof...(Cases)) chosen.complete(winner);
    }
    return winner;
}

template <bool Fair, class... Cases>
std::size_t select_any(Cases... cases) {
    constexpr auto count = sizeof...(Cases);
    static_assert(count > 0, "ramie: a select needs at least one case");
    if constexpr (is_default_case<std::tuple_element_t<count - 1, std::tuple<Cases...>>>) {
        std::tuple<Cases&...> const all(cases...);
        auto const winner = [&]<std::size_t... I>(std::index_sequence<I...>) {
            return select_from<Fair>(false, std::move(std::get<I>(all))...);
        }(std::make_index_sequence<count - 1>());
        if (winner == count - 1) std::get<count - 1>(all).handler();
        return winner;
    } else {
        return select_from<Fair>(true, std::move(cases)...);
    }
}

}  // namespace detail

// Waits until one of the cases is ready, lets only that one take effect, calls its handler, and returns its index. If
// several are ready, any of them wins with equal chance; losers keep nothing. With otherwise(...) as the last case it
// never waits. Suspension point; an abort or an outer timeout leaves no case in effect. The handler runs after the
// select is over: it may wait, throw and select again. From fibers and plain threads.
//
//     ramie::select(ramie::on_receive(rx, [&](std::optional<int> v) { ... }),
//                   ramie::on_sleep(1s, [&] { ... }));
template <class... Cases>
std::size_t select(Cases... cases) {
    return detail::select_any<true>(std::move(cases)...);
}

// The same, but the first ready case in the order given wins.
template <class... Cases>
std::size_t select_biased(Cases... cases) {
    return detail::select_any<false>(std::move(cases)...);
}

// The case that is ready after d, or at t. handler().
template <class Rep, class Period, class Handler>
auto on_sleep(std::chrono::duration<Rep, Period> d, Handler handler) {
    return detail::sleep_case<Handler>(detail::after(d), std::move(handler));
}
template <class Clock, class Duration, class Handler>
auto on_deadline(std::chrono::time_point<Clock, Duration> t, Handler handler) {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>)
        return detail::sleep_case<Handler>(detail::at(t), std::move(handler));
    else return detail::deadline_case<std::chrono::time_point<Clock, Duration>, Handler>(t, std::move(handler));
}

// Taken if nothing else is ready. handler().
template <class Handler>
auto otherwise(Handler handler) {
    return detail::default_case<Handler>{std::move(handler)};
}

}  // namespace ramie
