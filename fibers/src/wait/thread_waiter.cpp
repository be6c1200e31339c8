#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <cerrno>

namespace ramie::detail {

#if !defined(RAMIE_MODEL)  // the checker's threads are not the system's
// Opaque, because a fiber that asks, migrates and asks again must not get the first thread's answer.
RAMIE_NOIPA thread_waiter& thread_waiter::of_this_thread() noexcept {
    refuse_foreign_fiber();
    static thread_local thread_waiter mine;
    return mine;
}
#endif

void thread_waiter::park(std::uint64_t g, word_lock* held, time_point until) noexcept
    RAMIE_RULES_NOT_CHECKED /* there may be no lock */ {
    auto const saved_errno = errno;
    token_.store(0, std::memory_order_relaxed);
    auto const parked = state.park(g, false);
    if (held) held->unlock();
    if (parked == task_state::park_result::resume_now) return;
    while (token_.load(std::memory_order_acquire) == 0) {
        if (futex_wait(token_, 0, until)) continue;
        if (state.claim(g, task_state::outcome::deadline) != task_state::claim_result::lost) break;
        until = never;  // another party claimed the wait at the same moment and is about to resume us
    }
    errno = saved_errno;
}

std::uint64_t thread_waiter::number() noexcept {
    static atomic<std::uint64_t> last{0};
    if (number_ == 0) number_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
    return number_;
}

void thread_waiter::resume() noexcept {
    token_.store(1, std::memory_order_release);
    futex_wake(token_);
}

}  // namespace ramie::detail
