// Calls that block their thread until another thread or process does something, and for which there is no event to wait
// for (flock, msgrcv, wait for any child, ...). They run on a thread of the blocking pool, while the fiber is parked.
//
//     if (int const n = attempt_that_does_not_wait(); n >= 0 || errno != EAGAIN) return n;
//     return call_on_pool(*self, [&] { return libc().flock(fd, operation); });
//
// The attempt comes first, in place: so a call that ends the waits of others never queues behind them for a thread.
//
// The call may use the caller's memory, and its effect is never lost, because the fiber always waits for its end. When
// the fiber is asked to stop, the call is interrupted by a real-time signal that the program does not use. The signal
// is sent to the call's thread again and again until the call has ended, since a signal that comes just before the
// system call is missed. What the call had done by then is its result; otherwise it is -1 with ECANCELED (abort) or
// ETIMEDOUT (a timeout around it); EINTR, if the main fiber's call is to end after a handler (main_fiber.hpp). Other signals
// do not end the call: it is begun again.
#pragma once

#include "posix/blocking_call.hpp"

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <system_error>

#include <pthread.h>

namespace ramie::detail {

// One call: the state that its thread and its asker share.
class interruptible_call {
  public:
    // On the pool's thread. False: the call is not wanted any more.
    [[nodiscard]] bool begin() noexcept;
    void end() noexcept;
    // On the asker's thread. A call that has ended is left alone; one that has not begun never will.
    void interrupt() noexcept;
    bool is_interrupted() const noexcept;

  private:
    mutable word_lock lock_;  // guards the fields below; so the signal reaches the thread only during the call
    bool under_way_ = false;
    bool interrupted_ = false;
    ::pthread_t thread_{};
};

enum class after_signal : bool { begin_again, give_up };

// call() returns -1 and sets errno on failure; so does this function.
template <class F>
auto call_on_pool(waiter& self, F&& call, after_handler rule = after_handler::restarts,
                  after_signal on_signal = after_signal::begin_again) noexcept -> decltype(call()) {
    using namespace std::chrono_literals;
    interruptible_call mine;
    decltype(call()) result = -1;
    int error = ECANCELED;  // if the call never runs: the runtime is shutting down
    auto const run = [&]() noexcept {
        if (!mine.begin()) return;
        do {
            errno = 0;
            result = call();
            error = errno;
        } while (result == -1 && error == EINTR && on_signal == after_signal::begin_again && !mine.is_interrupted());
        mine.end();
    };
    stay const here(self);
    int why = 0;
    try {
        auto job = spawn_blocking_in<blocking_share::calls>(run);
        try {
            // With all of its budget, the join below does not let others run first, in another wait than the one shown.
            if (main_fiber::is(self)) [[unlikely]] carrier::this_lane()->yield();
            main_fiber::shown_wait shown(self, self.state.generation(), rule);
            try {
                if (!shown.is_ended()) job.wait();
            } catch (...) {
                if (!shown.take_back()) throw;
            }
            if (shown.take_back()) why = EINTR;
        } catch (aborted const&) { why = ECANCELED; } catch (deadline_passed const&) {
            why = ETIMEDOUT;
        } catch (std::bad_alloc const&) { why = ENOMEM; }
        if (why != 0) {
            abort_shield const until_ended;
            mine.interrupt();
            job.abort();  // if it is still queued
            for (auto pause = 1ms; !job.wait_for(pause); pause = std::min(2 * pause, 100ms)) mine.interrupt();
        }
    } catch (std::system_error const& no_thread) { error = no_thread.code().value(); } catch (std::bad_alloc const&) {
        error = ENOMEM;
    }
    errno = result == -1 && why != 0 && (error == EINTR || error == ECANCELED) ? why : error;
    return result;
}

}  // namespace ramie::detail
