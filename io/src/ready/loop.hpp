// The runtime's driver: the idle worker sleeps in the interest set, and a libuv loop is one of the things in it.
//
//   interest set's epoll <- sockets, all registered once, edge-triggered
//                        <- alarm clock (timerfd), for times to sleep until that are near
//                        <- an eventfd, which ends a turn
//                        <- libuv's epoll
//
// So a sleep is one system call. A time that is far away is that call's own limit; epoll may be late by the thread's
// timer slack, 50 us, or by a thousandth of the time, so a near one is the alarm clock's, which is exact.
//
// Sockets never meet libuv (docs/rationale.md has the counts of system calls). It is run only when it has handles, and
// its own descriptor is ready or its own time has come.
//
// A worker that harvests outside a turn may take the report of the alarm or of the eventfd, which the worker in the turn
// would then miss. So the harvester interrupts the turn.
//
// uv_run needs 13 KB of stack and runs on an OS thread's own, inside turn(), which one worker at a time calls.
#pragma once

#include "ready/alarm_clock.hpp"
#include "ready/interest_set.hpp"
#include "ready/watching_driver.hpp"

#include <memory>

#include <uv.h>

namespace ramie::detail {

class loop final : public watching_driver {
  public:
    // Throws std::system_error.
    loop();
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    ~loop() override;

    void turn(time_point until) override;
    void interrupt() noexcept override;
    bool harvest() override;
    bool look(void const* object, outside_wait& out) noexcept override;
    std::string describe(outside_wait const&) const override;

    interest_set& interest() const noexcept override { return *interest_; }
    // f(uv_loop_t*) starts or closes handles: inside a turn, or while no worker is in one. (libuv tells the kernel of a new
    // handle only when it runs.)
    template <class F>
    void with_libuv(F&& f) {
        f(&uv_.handle);
        uv_run(&uv_.handle, UV_RUN_NOWAIT);
    }

  private:
    // A libuv loop that ends after all its handles are closed.
    struct uv_loop {
        uv_loop();
        ~uv_loop();
        uv_loop_t handle{};
    };

    int libuvs_limit() noexcept;
    unsigned sleep(time_point until);

    alarm_clock alarm_;
    unique_fd const wake_;  // ends a turn; written, never read: each write is one edge
    std::shared_ptr<interest_set> const interest_;
    bool times_in_ns_ = true;  // the set can sleep for such a time, as far as is known
    uv_loop uv_;
};

}  // namespace ramie::detail
