// Who sleeps and who searches. The protocol is in idle.md; bold names there are comments here.
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <cstdint>
#include <vector>

namespace ramie::detail {

class worker;

class idle_set {
  public:
    // `most`: workers that may ever be listed, spares included.
    idle_set(unsigned workers, unsigned most);

    // Spares may join a worker that was alone, or there are none any more (spare_crew.hpp).
    void be_alone(bool alone) noexcept { alone_.store(alone && light_fences_are_light(), std::memory_order_relaxed); }

    // There is one worker: who posts on it has nobody to wake.
    bool is_alone() const noexcept {
        compiler_fence();  // pairs with the heavy one in worker::takes_company()
        return alone_.load(std::memory_order_relaxed);
    }

    // --- posting ---
    // After work was put where a worker finds it: the sleeper to unpark (it counts as searching now), or null.
    // `by_worker`: the poster is one of the workers; if it is the only one, nobody sleeps.
    worker* wake_for_work(bool by_worker) noexcept {
        if (by_worker && is_alone()) return nullptr;
        thread_fence(std::memory_order_seq_cst);  // post fence; pairs with the sleep fence
        return take_if_nobody_searches();
    }
    // Any sleeper, though others search: for work that is known to wait in vain (monitor.hpp).
    worker* wake_in_any_case() noexcept;

    // --- searching ---
    [[nodiscard]] bool start_search() noexcept;
    // Beyond the limit: for who knows that there is something to find.
    void join_search() noexcept { counts_.fetch_add(one_searching, std::memory_order_seq_cst); }
    // True: it was the last searcher.
    bool stop_search() noexcept;

    // --- sleeping ---
    void list(worker& w, bool was_searching) noexcept;
    // True: it was still listed (it is running now). False: a poster took it off and counts it as searching.
    [[nodiscard]] bool unlist(worker& w) noexcept;

    unsigned sleeping() const noexcept {
        return static_cast<unsigned>(counts_.load(std::memory_order_relaxed) & sleeping_mask);
    }

  private:
    static constexpr std::uint64_t one_sleeping = 1, one_searching = std::uint64_t{1} << 32,
                                   sleeping_mask = one_searching - 1;

    worker* take_if_nobody_searches() noexcept;
    worker* take() noexcept;

    atomic<bool> alone_;
    unsigned const most_searching_;
    alignas(64) atomic<std::uint64_t> counts_{0};
    word_lock lock_;
    std::vector<worker*> listed_;
};

}  // namespace ramie::detail
