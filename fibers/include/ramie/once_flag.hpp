// An action that is done once, by the first caller.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <utility>

namespace ramie {

// As std::once_flag. Dies with a message if it is destroyed while a fiber or thread waits.
class once_flag {
  public:
    constexpr once_flag() = default;
    once_flag(once_flag const&) = delete;
    once_flag& operator=(once_flag const&) = delete;
    RAMIE_API ~once_flag();

  private:
    template <class F, class... Args>
    friend void call_once(once_flag&, F&&, Args&&...);

    // True: it is the caller's turn; the caller must then say by leave() whether it succeeded. False: it was done
    // before.
    [[nodiscard]] RAMIE_API bool enter();
    RAMIE_API void leave(bool done) noexcept;

    //  idle --enter--> busy --leave(true)--> done
    //     ^---leave(false), no waiter---'    busy: others queue; a failed turn is handed to the first of them
    enum class stage : std::uint8_t { idle, busy, done };
    detail::atomic<stage> stage_{stage::idle};  // changes only under guard_
    detail::word_lock guard_;
    detail::wait_queue queue_ RAMIE_GUARDED_BY(guard_);
    detail::atomic<detail::waiter const*> busy_one_{nullptr};  // to detect a call from within the call
};

// As std::call_once: calls f(args...) unless that was done before, and returns when it is done; others wait meanwhile,
// in order. `f` may wait. If it throws, the exception goes to its caller and the next in line tries; an abort or a
// passed timeout inside `f` counts as an exception. An abort of a caller that waits in line does not affect the others.
// Suspension point, also if it was done before. std::system_error (resource_deadlock_would_occur) if called by `f`
// itself. From fibers and plain threads.
template <class F, class... Args>
void call_once(once_flag& flag, F&& f, Args&&... args) {
    if (!flag.enter()) return;
    struct turn {
        once_flag& flag;
        bool done = false;
        ~turn() { flag.leave(done); }
    } mine{flag};
    detail::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    mine.done = true;
}

}  // namespace ramie
