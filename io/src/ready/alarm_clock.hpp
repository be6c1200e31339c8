// The driver's deadline in a form that epoll can wait for: a timerfd, absolute on the steady clock, to the nanosecond.
//
// It is set lazily. An earlier alarm that is still to come is not moved, because a sleeping worker may wake too early
// and look again; so a deadline that moves on with every turn costs a system call only after the alarm rang. Setting it
// also clears a ring that no worker noticed, so the timerfd is never read.
#pragma once

#include "ready/unique_fd.hpp"

#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class alarm_clock {
  public:
    // Throws std::system_error.
    alarm_clock();

    int fd() const noexcept { return fd_.get(); }

    // It will ring at `until` or earlier. `until` lies in the future. One caller at a time.
    void set(time_point until, time_point now) noexcept;

  private:
    unique_fd fd_;
    time_point rings_at_ = time_point::min();  // in the past: it has rung, or was never set
};

}  // namespace ramie::detail
