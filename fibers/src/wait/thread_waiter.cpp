#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <new>

#include <unistd.h>

namespace ramie::detail {

#if !defined(RAMIE_MODEL)  // the checker's threads are not the system's
namespace {

struct listed_waiter;

// All threads that have waited, or are about to. Constant, since threads may outlive main.
struct thread_list {
    plain_mutex lock;
    listed_waiter* first = nullptr;
    unsigned process = 1;  // moves on in a child, whose list is a new one
};
constinit thread_list all_threads;

struct listed_waiter : thread_waiter {
    listed_waiter() noexcept { list(); }
    void list() noexcept {
        if (!home_process::is_here()) return;  // the lock may have been copied while it was held
        std::lock_guard const held(all_threads.lock);
        thread = ::gettid();
        process = all_threads.process;
        previous = nullptr;
        next = all_threads.first;
        if (next != nullptr) next->previous = this;
        all_threads.first = this;
    }
    ~listed_waiter() {
        if (process == 0 || !home_process::is_here()) return;
        std::lock_guard const held(all_threads.lock);
        if (process != all_threads.process) return;  // of a parent
        (previous != nullptr ? previous->next : all_threads.first) = next;
        if (next != nullptr) next->previous = previous;
    }
    listed_waiter(listed_waiter const&) = delete;
    listed_waiter& operator=(listed_waiter const&) = delete;

    pid_t thread = 0;
    unsigned process = 0;  // 0: it is not in the list
    listed_waiter* next = nullptr;  // under the list's lock
    listed_waiter* previous = nullptr;
};

// A child of fork() has one thread, and the list of its parent.
home_process::child_watcher const forgets_threads(nullptr, []() noexcept {
    auto const parent = all_threads.process;
    ::new (&all_threads) thread_list;
    all_threads.process = parent + 1;
});

}  // namespace

void thread_waiter::for_each(visitor visit, void* with) {
    std::lock_guard const held(all_threads.lock);
    for (auto* at = all_threads.first; at != nullptr; at = at->next) visit(*at, at->thread, with);
}

// Opaque, because a fiber that asks, migrates and asks again must not get the first thread's answer.
RAMIE_NOIPA thread_waiter& thread_waiter::of_this_thread() noexcept {
    refuse_foreign_fiber();
    static thread_local listed_waiter mine;
    // The thread that forked has waited in the parent.
    if (mine.process != all_threads.process) [[unlikely]] mine.list();
    return mine;
}
#endif

void thread_waiter::park(std::uint64_t g, word_lock* held, time_point until) noexcept
    RAMIE_RULES_NOT_CHECKED /* there may be no lock */ {
    auto const saved_errno = errno;
    since.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    token_.store(0, std::memory_order_relaxed);
    has_limit_.store(until != never, std::memory_order_relaxed);
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
