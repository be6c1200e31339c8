// A requested stop runs the std::stop_callbacks of others, here and now, on this OS thread. By the thread the standard
// library also tells whether somebody who unregisters a callback does so from inside it (and must not wait for its end)
// or beside it (and must). So while callbacks run, nothing else may run on this thread: the fiber that requested the
// stop does not leave it. Otherwise the callback's owner could destroy it while it is suspended.
//
//   a lock that is taken meanwhile    is tried again and again, while other workers run beside
//   yield, and an empty budget        do not switch
//   every other wait                  ends the process, and says why: a callback may not wait
//
// Counted in the waiter's `shields`, so that the ways that nobody masks pay nothing; nothing may be thrown out of a
// callback either. On a plain thread, waits are the thread's own, and harmless.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <stop_token>

namespace ramie::detail {

// While one lives, callbacks run.
class stop_callbacks_run {
  public:
    stop_callbacks_run() noexcept : self_(waiter::self()) { self_.shields += waiter::stop_mark; }
    stop_callbacks_run(stop_callbacks_run const&) = delete;
    stop_callbacks_run& operator=(stop_callbacks_run const&) = delete;
    ~stop_callbacks_run() { self_.shields -= waiter::stop_mark; }

  private:
    waiter& self_;
};

// False: it was requested before.
bool request_stop(std::stop_source& source) noexcept;

// For a fiber that runs callbacks and would have to wait for this.
[[noreturn]] void die_of_waiting(waiter const& self, char const* what) noexcept;

// For a fiber that runs callbacks and wants a lock: gives the processor away. False: it is time to give up. Dies if
// nobody beside it could unlock.
[[nodiscard]] bool may_try_again(waiter const& self, char const* what, time_point limit) noexcept;

}  // namespace ramie::detail
