// Which workers sleep and which search. The protocol is in idle.md; bold names there are comments here.
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace ramie::detail {

class worker;

class idle_set {
  public:
    // `most`: workers that may ever be listed, spares included.
    idle_set(unsigned workers, unsigned most);

    // --- posting ---
    // After work was put where a worker finds it: the sleeper to unpark (it counts as searching now), or null.
    // (A worker that is alone in its runtime need not ask: no other sleeps.)
    [[gnu::noinline]] worker* wake_for_work() noexcept;
    // Any sleeper, though others search: for work that is known to wait in vain (monitor.hpp).
    worker* wake_in_any_case() noexcept;

    // --- searching ---
    [[nodiscard]] bool start_search() noexcept;
    // Beyond the limit: for a worker that knows that there is something to find.
    void join_search() noexcept { counts_.fetch_add(one_searching, std::memory_order_relaxed); }
    // True: it was the last searcher.
    bool stop_search() noexcept;

    // --- sleeping ---
    void list(worker& w, bool was_searching, time_point now) noexcept;
    // True: it was still listed (it is running now). False: a poster took it off and counts it as searching.
    [[nodiscard]] bool unlist(worker& w) noexcept;

    // --- a worker that is awake ---
    // Now and then: posts need no fence once no worker has been listed for a while.
    void look(time_point now) noexcept {
        if (all_awake_.is_closed() && sleeping() == 0) open_gate(now);
    }

    unsigned sleeping() const noexcept {
        return static_cast<unsigned>(counts_.load(std::memory_order_relaxed) & sleeping_mask);
    }

  private:
    static constexpr std::uint64_t one_sleeping = 1, one_searching = std::uint64_t{1} << 32,
                                   sleeping_mask = one_searching - 1;
    // Against the microsecond that it costs to close the gate.
    static constexpr std::chrono::microseconds long_awake{500};

    worker* take() noexcept;
    void open_gate(time_point now) noexcept;

    unsigned const most_searching_;
    // Each step on it is relaxed: the two fences and the gate order them against what is posted (idle.md, L0 to L2), and each
    // count is exact, because only read-modify-writes change it.
    alignas(64) atomic<std::uint64_t> counts_{0};
    word_lock lock_;
    std::vector<worker*> listed_ RAMIE_GUARDED_BY(lock_);
    time_point listed_at_ RAMIE_GUARDED_BY(lock_){};
    // Open: no worker is listed. Opened and closed under the lock. In a line of its own: each post reads it, and searchers
    // write counts_.
    alignas(64) asymmetric_gate all_awake_;
};

}  // namespace ramie::detail
