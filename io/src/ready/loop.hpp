// The runtime's driver: one libuv loop, in which the interest set sits behind one uv_poll_t.
//
// Sockets never meet libuv: they are in the interest set, an epoll set of its own (docs/rationale.md has the counts of
// system calls). libuv watches that set as one descriptor and keeps what it is good at: signals, child processes, file
// events.
//
//   libuv's epoll <- interest set's epoll <- sockets, all registered once, edge-triggered
//                 |                       <- alarm clock (timerfd), the time to sleep until
//                 <- one uv_async_t, which ends a turn
//
// A worker that harvests outside a turn may take the alarm's report, so the worker that sleeps in the turn would miss
// it. Therefore the harvester then interrupts the turn.
//
// uv_run needs 13 KB of stack and runs on an OS thread's own. Only uv_async_send may be called by any thread at any
// time; all else happens inside turn(), which one worker at a time calls.
#pragma once

#include "ready/alarm_clock.hpp"
#include "ready/interest_set.hpp"

#include <ramie/detail/sleep/driver.hpp>

#include <memory>

#include <uv.h>

namespace ramie::detail {

class loop final : public driver {
  public:
    // Throws std::system_error.
    loop();
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    ~loop() override;

    void turn(time_point until) override;
    void interrupt() noexcept override;
    bool harvest() override;

    interest_set& interest() const noexcept { return *interest_; }

  private:
    // A libuv loop that ends after all its handles are closed.
    struct uv_loop {
        uv_loop();
        ~uv_loop();
        uv_loop_t handle;
    };

    void start_watching();

    alarm_clock alarm_;
    std::shared_ptr<interest_set> const interest_;
    uv_async_t wake_;  // ends a turn
    uv_poll_t world_;  // the interest set
    uv_loop uv_;       // destroyed first; closes the handles above
};

}  // namespace ramie::detail
