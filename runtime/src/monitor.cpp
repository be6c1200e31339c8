#include "monitor.hpp"

#include "scheduler.hpp"

#include <ramie/detail/futex.hpp>

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace ramie::detail {

void monitor::start() {
    seen_.reserve(home_.workers.most());  // on its thread nobody could be told that there is no memory
    thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "ramie-monitor");
        watch();
    });
}

void monitor::stop() noexcept {
    if (!thread_.joinable()) return;
    state_.store(stopped, std::memory_order_release);
    futex_wake(state_);
    thread_.join();
}

void monitor::rouse() noexcept {
    std::uint32_t expected = asleep;
    if (state_.compare_exchange_strong(expected, watching, std::memory_order_acq_rel, std::memory_order_relaxed))
        futex_wake(state_);
}

void monitor::watch() {
    auto const pause = home_.options.stall_threshold;
    auto quiet_since = std::chrono::steady_clock::now();
    while (state_.load(std::memory_order_acquire) != stopped) {
        auto const now = std::chrono::steady_clock::now();
        if (look()) quiet_since = now;
        if (now - quiet_since > std::chrono::seconds(1)) {
            // A worker that wakes after the exchange sees `asleep` and changes the word; one that woke before is seen
            // awake (seq_cst: pairs with wake(), which a worker calls after it cleared its `asleep_`).
            std::uint32_t expected = watching;
            state_.compare_exchange_strong(expected, asleep, std::memory_order_seq_cst, std::memory_order_relaxed);
            if (!all_asleep()) rouse();
            while (state_.load(std::memory_order_acquire) == asleep) futex_wait(state_, asleep);
            quiet_since = std::chrono::steady_clock::now();
        } else {
            futex_wait(state_, watching, now + pause);
        }
    }
}

bool monitor::all_asleep() const noexcept {
    return std::all_of(home_.workers.begin(), home_.workers.end(), [](auto const& w) { return w->is_asleep(); });
}

bool monitor::look() {
    bool active = false;
    seen_.resize(home_.workers.size());
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        auto& w = home_.workers[i];
        auto& seen = seen_[i];
        auto const picks = w.picks();
        bool const stuck = picks == seen.picks && !w.is_asleep() && !w.is_lent();
        if (picks != seen.picks || stuck) active = true;
        seen.picks = picks;
        bool const waited_for = stuck && home_.waits_for(w);
        if (waited_for || (stuck && w.has_own())) {  // pinned tasks cannot be rescued, only reported
            if (!w.is_stalled()) stalls_.fetch_add(1, std::memory_order_relaxed);
            w.mark_stalled(true);
            if (waited_for) home_.wake_one(false);
            if (waited_for && ++seen.looks_stuck > 1 && !seen.stood_in_for && home_.idle.sleeping() == 0) {
                home_.spares.want();
                seen.stood_in_for = true;
            }
        } else if (!stuck) {
            w.mark_stalled(false);
            seen.looks_stuck = 0;
            if (std::exchange(seen.stood_in_for, false)) home_.spares.release();
        }
    }
    return active;
}

}  // namespace ramie::detail
