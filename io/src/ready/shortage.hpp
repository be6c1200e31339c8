// Acceptors wait here when the process has no descriptor left (EMFILE and the like), until one is closed or some time
// has passed.
//
// The acceptor: (1) notes how many were closed, (2) fails to accept, (3) wait(noted): says that it waits (seq_cst),
// then looks whether another was closed (seq_cst). The closer: (1) counts (seq_cst), (2) looks for waiting acceptors
// (seq_cst). One of the two sees the other.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ramie::detail {

class shortage {
  public:
    // The time limit of a wait: each pause is twice the one before.
    static constexpr std::chrono::milliseconds first_pause{10}, longest_pause{100};

    // One for all runtimes, since they share the table of descriptors.
    static shortage& of_process() noexcept;

    std::uint64_t closed() const noexcept { return closed_.load(std::memory_order_seq_cst); }
    // Until something was closed after `noted`, or until the limit. Suspension point; throws aborted and
    // deadline_passed.
    void wait(waiter& self, std::uint64_t noted, time_point limit);
    // A descriptor was closed, or is about to be.
    void wake_all() noexcept;
    // For a select, which uses its own time limit instead of wait().
    void count_pause() noexcept { pauses_.fetch_add(1, std::memory_order_relaxed); }
    // How many waits there were.
    std::uint64_t pauses() const noexcept { return pauses_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> closed_{0};
    std::atomic<std::uint32_t> waiting_{0};
    std::atomic<std::uint64_t> pauses_{0};
    word_lock lock_;
    wait_queue queue_;
};

}  // namespace ramie::detail
