// One call of ramie::posix that a fiber makes on one descriptor, from its entry to its return:
//     auto* const self = calling_fiber();
//     if (self == nullptr) return libc().recv(...);      // a plain thread: libc's
//     blocking_call call(*self, fd, "recv");
//     if (!call.begin()) return -1;                      // aborted
//     for (;;) { attempt that does not wait; if it says EAGAIN: if (!call.wait(direction::read)) return -1; }
// Where libc's call would wait, the fiber parks. The descriptor stays as its user set it: with O_NONBLOCK it keeps its
// EAGAIN, and SO_RCVTIMEO and SO_SNDTIMEO count.
//
// No exception reaches the caller, which may be foreign code: an abort is ECANCELED, a deadline ETIMEDOUT. The thread
// is the same before and after (stay.hpp), and so is errno's address.
#pragma once

#include "posix/foreign_descriptor.hpp"
#include "posix/main_fiber.hpp"

#include <ramie/detail/ready/direction.hpp>
#include <ramie/detail/wait/park.hpp>

#include <cerrno>

#include <sys/types.h>

namespace ramie::detail {

// The fiber on whose stack the caller runs. Null: a plain thread, a signal handler on its own stack, or a child, which
// has no workers (detail/machine/home_process.hpp).
waiter* running_fiber() noexcept;

// The same, and the first line of every call of ramie::posix, whether it will wait or not: here a fiber that has used
// up its budget lets others run. So a loop that polls, with any calls, does not keep other fibers from running.
waiter* calling_fiber() noexcept;

// Follows calling_fiber() in every call that may fail. False: the fiber was asked to stop, and errno says why. `what`:
// the call. If a fiber is refused again and again, this takes longer and longer (refusal.hpp).
bool may_go_on(waiter& self, char const* what = "a call") noexcept;

// Parks on the same worker. 0: woken. Else what ended the wait: ECANCELED (abort), ETIMEDOUT (a timeout around it),
// EAGAIN (`limit`), ENOMEM, or EINTR (a handler, if this is the main fiber and `rule` says so). `g`: the generation that wakers
// have.
int park_here(waiter& self, std::uint64_t g, wait_reason why, time_point limit,
              after_handler rule = after_handler::goes_on) noexcept;

class blocking_call {
  public:
    blocking_call(waiter& self, int fd, char const* what) noexcept : self_(self), fd_(fd), what_(what) {}
    blocking_call(blocking_call const&) = delete;
    blocking_call& operator=(blocking_call const&) = delete;
    ~blocking_call() { leave(); }

    [[nodiscard]] bool begin() noexcept { return may_go_on(self_, what_); }
    // True: an attempt is worth while. False: errno says why there will be none.
    [[nodiscard]] bool wait(direction d) noexcept;
    // The descriptor cannot be waited for (a regular file): libc's own call is the attempt.
    bool never_waits() const noexcept { return never_waits_; }
    // The errno after the socket's own time limit: EAGAIN, but not for connect().
    void limit_error(int error) noexcept { limit_error_ = error; }
    waiter& self() const noexcept { return self_; }
    int fd() const noexcept { return fd_; }
    // Before the first wait: false if the user set O_NONBLOCK (errno is EAGAIN).
    [[nodiscard]] bool begin_wait(direction d) noexcept;
    time_point limit() const noexcept { return limit_; }
    // A part is transferred: any handler ends the wait for more, since a call begun again would transfer that once more.
    void has_part() noexcept { has_part_ = true; }
    // A socket's own time limit does not begin anew, so such a call is not begun again, either.
    after_handler rule() const noexcept {
        return limit_ == never && !has_part_ ? after_handler::restarts : after_handler::ends;
    }

  private:
    bool watch();
    bool park_once(direction d);
    bool was_closed() noexcept;
    bool fail(int error) noexcept {
        errno = error;
        return false;
    }
    void leave() noexcept;

    waiter& self_;
    int const fd_;
    char const* const what_;
    bool waits_ = false;  // the first wait has begun
    bool never_waits_ = false;
    bool has_part_ = false;
    int limit_error_ = EAGAIN;
    time_point limit_ = never;
    int copy_ = -1;  // the duplicate that is watched instead of fd_
    foreign_descriptor* used_ = nullptr;
    std::uint32_t generation_ = 0;
};

// The connection has failed, and the next call will report it; later calls will not.
bool has_failed(int fd) noexcept;

// Calls attempt() until the answer is not EAGAIN.
template <class Attempt>
auto until_done(blocking_call& call, direction d, Attempt&& attempt) noexcept -> decltype(attempt()) {
    for (;;) {
        auto const result = attempt();
        if (result >= 0 || errno != EAGAIN) return result;
        if (!call.wait(d)) return -1;
    }
}

}  // namespace ramie::detail
