// Questions and requests of the running task about itself. From a plain thread each does the nearest equivalent.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/error.hpp>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string_view>

namespace ramie {

namespace detail {
RAMIE_API void sleep(time_point until);
}

namespace this_fiber {

// Goes to the end of the run queue and lets others run. Abort point; an enclosing timeout that has passed throws. A
// plain thread yields to the system.
RAMIE_API void yield();

// For a loop that computes, or whose calls never wait: yields at every 128th call since the task last let others run.
// Every operation that may wait does the same. Abort point.
RAMIE_API void consume_budget();

// Waits that long / until then; a time in the past is a yield(). Suspension point. Sub-millisecond durations are
// honoured.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
    detail::sleep(detail::after(d));
}
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> t) {
    detail::wait_until_clock(t, [](detail::time_point limit) { return detail::sleep(limit), false; });
}

// The task's id; 0 on a plain thread.
RAMIE_API task_id id() noexcept;
// Its name; empty if it has none. Valid as long as the task runs.
RAMIE_API std::string_view name() noexcept;
// Requested when the task is aborted, in the thread or fiber that aborts it; a std::stop_callback must not wait
// (stop_token.hpp). From a plain thread: a token that is never requested.
RAMIE_API std::stop_token stop_token();
// Throws ramie::aborted if the task was asked to stop, as every suspension point does. Never waits.
RAMIE_API void abort_point();
// Bytes of stack left below the caller. 0, which means unknown, on a plain thread, and where a task runs on a stack
// that is not its own (a ucontext, another library's coroutine).
RAMIE_API std::size_t stack_left() noexcept;

}  // namespace this_fiber

// While one of these lives, neither an abort nor an outer timeout throws into this fiber: for code that must not be cut
// short, and for destructors that wait.
class [[nodiscard]] abort_shield {
  public:
    RAMIE_API abort_shield() noexcept;
    abort_shield(abort_shield const&) = delete;
    abort_shield& operator=(abort_shield const&) = delete;
    RAMIE_API ~abort_shield();

  private:
    detail::waiter& mine_;
};

namespace this_fiber {
using ramie::abort_shield;
}

}  // namespace ramie
