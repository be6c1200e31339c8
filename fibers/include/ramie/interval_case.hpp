// An interval's next tick as a case of a select.
#pragma once

#include <ramie/interval.hpp>
#include <ramie/select.hpp>

#include <utility>

namespace ramie {

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

// Ready when the next tick is due; a select that goes on by another case leaves it to be taken later. handler(when it
// was due: a std::chrono::steady_clock::time_point).
template <class Handler>
auto on_tick(interval& of, Handler handler) {
    return detail::tick_case<Handler>(of, std::move(handler));
}

}  // namespace ramie
