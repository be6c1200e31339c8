// A requested stop runs the user's std::stop_callbacks, here and now, on this OS thread. The standard library uses the
// OS thread to tell whether code that unregisters a callback runs inside it (and must not wait for its end) or beside
// it (and must). So while callbacks run, nothing else may run on this thread: the fiber that requested the stop does
// not leave it. Otherwise the callback's owner could destroy the callback while it is suspended.
//
//   a lock that is taken meanwhile    is tried again and again, while other workers run beside
//   yield, and an empty budget        do not switch
//   every other wait                  ends the process, and says why: a callback may not wait
//
// Counted in the waiter's `shields`, so that waits without masks pay nothing; no exception may leave a callback either.
// On a plain thread, waits are the thread's own, and harmless.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <stop_token>

namespace ramie::detail {

// While one of these lives, callbacks run.
class stop_callbacks_run {
  public:
    stop_callbacks_run() noexcept : self_(waiter::self()) { self_.shields += waiter::stop_mark; }
    stop_callbacks_run(stop_callbacks_run const&) = delete;
    stop_callbacks_run& operator=(stop_callbacks_run const&) = delete;
    ~stop_callbacks_run() { self_.shields -= waiter::stop_mark; }

  private:
    waiter& self_;
};

// False: the stop was requested before.
RAMIE_API bool request_stop(std::stop_source& source) noexcept;

// For a fiber that runs callbacks and would have to wait for `what`.
[[noreturn]] void die_of_waiting(waiter const& self, char const* what) noexcept;

// For a fiber that runs callbacks and wants a lock: gives the processor away. False: its time has run out. Dies if no
// other worker could unlock.
[[nodiscard]] bool may_try_again(waiter const& self, char const* what, time_point limit) noexcept;

}  // namespace ramie::detail
