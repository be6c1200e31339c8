// The seam to the outside world: what an idle runtime asks of its driver. runtime/ declares it, io/ implements it
// (a test of the runtime alone links a driver that only sleeps).
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <memory>
#include <string>

#include <sys/socket.h>

namespace ramie::detail {

class stage;

// A descriptor that a task waits for, and the addresses of a socket.
struct outside_wait {
    int fd = -1;
    socklen_t own_size = 0, peer_size = 0;  // 0: it has none
    sockaddr_storage own, peer;
};

class driver {
  public:
    virtual ~driver() = default;

    // Sleeps until something is ready, until the time, or until interrupt(); then makes the tasks runnable that waited
    // for it. With a time in the past it only looks. One caller at a time; always on an OS thread's own stack.
    virtual void turn(time_point until) = 0;

    // Ends the turn that is under way, or the next one. From any thread.
    virtual void interrupt() noexcept = 0;

    // Makes the tasks runnable that wait for what is ready now, without sleeping. Any number of callers at once, beside
    // a turn; on an OS thread's own stack. False: nothing is watched, so there was nothing to do.
    virtual bool harvest() = 0;

    // For a dump. True: a waiter that is held (wait/task_state.hpp) and waits for `object` waits for a descriptor. Takes no
    // lock, allocates nothing and does not wait.
    virtual bool look(void const* object, outside_wait& out) noexcept;
    // "socket 7, 127.0.0.1:80 <- 127.0.0.1:4711"; later, and from any thread.
    virtual std::string describe(outside_wait const&) const;
};

inline bool driver::look(void const*, outside_wait&) noexcept { return false; }
inline std::string driver::describe(outside_wait const&) const { return {}; }

// Defined by io/.
std::unique_ptr<driver> make_driver();
// Of a simulation, which never sleeps: it is not asked to turn.
std::unique_ptr<driver> make_simulated_driver(stage& on);

// The driver of the runtime that the caller belongs to; throws no_runtime, naming the verb. For io/, which implements
// it.
driver& current_driver(char const* verb);

}  // namespace ramie::detail
