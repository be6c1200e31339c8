// The driver's deadline as something epoll can wait for: a timerfd, absolute on the steady clock, to the nanosecond.
//
// It is set lazily. An alarm for an earlier time that is still to come stays as it is, because whoever sleeps may be
// woken too early and then looks again; so a deadline that moves on with every turn costs a system call only when the
// alarm rang. Setting it also takes back a ring that nobody noticed, so it is never read.
#pragma once

#include "ready/unique_fd.hpp"

#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class alarm_clock {
  public:
    // Throws std::system_error.
    alarm_clock();

    int fd() const noexcept { return fd_.get(); }

    // It will ring at `until` or earlier. `until` is to come. One caller at a time.
    void set(time_point until, time_point now) noexcept;

  private:
    unique_fd fd_;
    time_point rings_at_ = time_point::min();  // passed: it has rung, or was never set
};

}  // namespace ramie::detail
