#include "monitor.hpp"

#include "scheduler.hpp"

#include <ramie/detail/futex.hpp>

#include <pthread.h>

namespace ramie::detail {

void monitor::start() {
    seen_picks_.resize(home_.workers.size());
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
            // A worker that wakes between the exchange and the wait sees `asleep` and changes the word.
            std::uint32_t expected = watching;
            state_.compare_exchange_strong(expected, asleep, std::memory_order_acq_rel, std::memory_order_relaxed);
            while (state_.load(std::memory_order_acquire) == asleep) futex_wait(state_, asleep);
            quiet_since = std::chrono::steady_clock::now();
        } else {
            futex_wait(state_, watching, now + pause);
        }
    }
}

bool monitor::look() {
    bool active = false;
    for (std::size_t i = 0; i < home_.workers.size(); ++i) {
        auto& w = *home_.workers[i];
        auto const picks = w.picks();
        bool const stuck = picks == seen_picks_[i] && !w.is_asleep();
        if (picks != seen_picks_[i] || stuck) active = true;
        seen_picks_[i] = picks;
        bool const waited_for = stuck && home_.waits_for(w);
        if (waited_for) {
            if (!w.is_stalled()) stalls_.fetch_add(1, std::memory_order_relaxed);
            w.mark_stalled(true);
            home_.wake_one(false);
        } else if (!stuck) {
            w.mark_stalled(false);
        }
    }
    return active;
}

}  // namespace ramie::detail
