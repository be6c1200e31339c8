// EINTR for main.
//
// Among threads it is main's that handles signals: its read(), poll() or pause() ends with EINTR once a handler has run, and
// `while (!quit) poll(...)` is how daemons end. Under run_as_threads main is a fiber, and handlers run on whichever thread the
// system picks. So libramie-hook puts a function of its own before each handler (hook/handlers.cpp), which says here that
// the handler has returned; and the call in which the main fiber is parked ends as main's would.
//
//   a handler (any thread, in the    (1) counts itself: in `all`, and in `hard` if it has no SA_RESTART
//   middle of anything)              (2) rings the bell (lot/lot_bell.hpp). It takes no lock and allocates nothing
//   the bell's thread                (3) under the lock: is a wait shown that those counted since its call's (a) end? It claims that
//                                        wait, as a deadline that comes now
//   the main fiber, in one call      (a) notes both counts, before all else: before others run in its place
//                                    (b) before each park, under the lock: is there one counted since (a)? EINTR. Else it shows its wait
//                                    (c) after the park, under the lock: takes it back. Was it claimed by (3)? EINTR
//
// No handler is missed: if (b) does not see what (1) counted, then the ring (2) comes after that, so (3) has the lock after (b),
// and finds the wait. (If (3) had the lock before (b), (b) would see all that came before the ring.) What the handler wrote is
// seen by the main fiber: release by (1), acquire by (b), or by way of the bell.
//
// As with the kernel, a handler that ran before (a) ends nothing, a call that need not wait is not ended, and a part that was
// transferred is the result. But a call that is given a mask (ppoll, sigsuspend) is for programs that block the signal before: to
// them a handler that ran since the last EINTR is one that ran in this call, because another thread may have taken the signal.
//
// The main fiber alone touches what it notes in (a); the wait shown and the seat are under the lock.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <cstdint>

namespace ramie::detail {

// What becomes of a call of the main fiber's when a handler has run (signal(7)).
enum class after_handler : std::uint8_t {
    goes_on,   // never ended
    restarts,  // ended with EINTR, unless each of the handlers has SA_RESTART
    ends       // ended with EINTR
};

namespace main_fiber {

extern constinit atomic<waiter const*> seated;  // null: there is none. Compared only

inline bool is(waiter const& w) noexcept { return seated.load(std::memory_order_relaxed) == &w; }

// False: there is one already. stand_up() only after true.
[[nodiscard]] bool sit_down(waiter const& w) noexcept;
void stand_up() noexcept;

// (a), by the main fiber. Within a whole_call: nothing.
void enter() noexcept;

// A call that is made of several calls of ramie::posix, or is given a mask. For other fibers: nothing.
class whole_call {
  public:
    explicit whole_call(waiter const& self, after_handler rule, bool has_mask = false) noexcept;
    whole_call(whole_call const&) = delete;
    whole_call& operator=(whole_call const&) = delete;
    ~whole_call();

  private:
    bool const outermost_;
};

// The kernel has ended a call on this thread with EINTR. Of other fibers: nothing.
void was_told(waiter const& self) noexcept;

// (b) and (c), around one park. For other fibers: nothing.
class shown_wait {
  public:
    // `g`: the generation of the wait.
    shown_wait(waiter& self, std::uint64_t g, after_handler rule) noexcept;
    shown_wait(shown_wait const&) = delete;
    shown_wait& operator=(shown_wait const&) = delete;
    ~shown_wait() { (void)take_back(); }
    // There shall be no park: EINTR.
    bool is_ended() const noexcept { return ended_; }
    // True: it was ended by a handler.
    [[nodiscard]] bool take_back() noexcept;

  private:
    bool shown_ = false;
    bool ended_ = false;
};

// (1). False: there is no main fiber, so the bell need not be rung.
bool handler_ran(bool restarts) noexcept;
// (3).
void answer_bell() noexcept;

}  // namespace main_fiber

}  // namespace ramie::detail
