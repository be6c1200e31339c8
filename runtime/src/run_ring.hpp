// Woken and yielded tasks of one worker, first in, first out; thieves take half.
//
//   entries are [head_, tail_) modulo 2^32. Only the owner moves tail_; head_ only grows, by CAS of owner and thieves.
//   A thief reads the entries first and then moves head_: if its CAS succeeds nobody took them in between, and the owner
//   cannot have overwritten them, because it writes only where head_ has passed.
#pragma once

#include <ramie/detail/task.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace ramie::detail {

class run_ring {
  public:
    static constexpr std::uint32_t capacity = 1024;

    explicit run_ring(bool alone) : alone_(alone) {}

    // --- owner ---
    void share() noexcept { alone_ = false; }  // from now on there are thieves
    // False: full.
    [[nodiscard]] bool push(task& t) noexcept {
        auto const tail = tail_.load(std::memory_order_relaxed);
        // acquire pairs with the release of whoever moved head_: the slot was read.
        if (tail - head_.load(std::memory_order_acquire) >= capacity) return false;
        slots_[tail % capacity].store(&t, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire in steal_into()
        return true;
    }
    task* pop() noexcept {
        auto head = head_.load(std::memory_order_relaxed);
        for (;;) {
            if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
            auto* const t = slots_[head % capacity].load(std::memory_order_relaxed);
            if (alone_) {
                head_.store(head + 1, std::memory_order_relaxed);
                return t;
            }
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_relaxed))
                return t;
        }
    }
    // With many tasks in turn each has left the caches before it runs again: gets what later ones need on its way, first
    // the block, then, without thieves (who might let it end meanwhile), what the block points to.
    void prefetch() const noexcept {
        constexpr std::uint32_t far = 6, near = 2;
        auto const head = head_.load(std::memory_order_relaxed);
        if (tail_.load(std::memory_order_relaxed) - head <= far) return;
        prefetch_block(head + far);
        if (!alone_) return;
        prefetch_stack(head + near, 0);
        prefetch_stack(head + near, 1);
    }
    // The same while more wait than fit in here: their stacks have left the TLB too, and a prefetch waits until its
    // address is translated. So eight at a time, whose translations go on beside each other. (For a thousand tasks it
    // would be the worse way.)
    void prefetch_of_crowd() const noexcept {
        constexpr std::uint32_t group = 8, near = 4, far = near + group;
        auto const head = head_.load(std::memory_order_relaxed);
        if (head % group != 0 || tail_.load(std::memory_order_relaxed) - head < far + group) return;
        for (auto i = head + far; i != head + far + group; ++i) prefetch_block(i);
        if (!alone_) return;
        for (auto i = head + near; i != head + near + group; ++i) prefetch_stack(i, 0);
        for (auto i = head + near; i != head + near + group; ++i) prefetch_stack(i, 1);
    }
    std::uint32_t room() const noexcept {
        return capacity - (tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire));
    }

    // --- anybody ---
    bool empty() const noexcept {
        return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst);
    }
    std::uint32_t size() const noexcept {
        return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed);
    }

    // A thief moves half of this ring into its own empty one; returns one of them, or null.
    task* steal_into(run_ring& mine) noexcept {
        auto head = head_.load(std::memory_order_acquire);
        for (;;) {
            auto const available = tail_.load(std::memory_order_acquire) - head;  // pairs with push()
            if (available == 0) return nullptr;
            if (available > capacity) {  // head_ moved on between the two reads
                head = head_.load(std::memory_order_acquire);
                continue;
            }
            auto const taken = available - available / 2;
            auto const at = mine.tail_.load(std::memory_order_relaxed);
            auto* const first = slots_[head % capacity].load(std::memory_order_relaxed);
            for (std::uint32_t i = 1; i < taken; ++i) {
                mine.slots_[(at + i - 1) % capacity].store(
                    slots_[(head + i) % capacity].load(std::memory_order_relaxed), std::memory_order_relaxed);
            }
            // release pairs with the acquire in push(): the slots were read.
            if (!head_.compare_exchange_weak(head, head + taken, std::memory_order_acq_rel, std::memory_order_acquire))
                continue;
            mine.tail_.store(at + taken - 1, std::memory_order_release);
            return first;
        }
    }

  private:
    static constexpr int line = 64, lines_of_block = 4, lines_of_stack = 9;  // of a task that waits in its first frames

    task const& at(std::uint32_t i) const noexcept { return *slots_[i % capacity].load(std::memory_order_relaxed); }
    void prefetch_block(std::uint32_t i) const noexcept {
        auto const* const block = reinterpret_cast<char const*>(&at(i));
        for (int n = 0; n < lines_of_block; ++n) __builtin_prefetch(block + n * line);
    }
    // Two steps: the stack's first line and its descriptor; and the other lines, whose address is translated by then.
    void prefetch_stack(std::uint32_t i, int step) const noexcept {
        auto const* const saved = static_cast<char const*>(at(i).context);
        if (step == 0) {
            __builtin_prefetch(saved);
            __builtin_prefetch(at(i).stack);
        } else {
            for (int n = 1; n < lines_of_stack; ++n) __builtin_prefetch(saved + n * line);
        }
    }

    alignas(64) std::atomic<std::uint32_t> head_{0};
    alignas(64) std::atomic<std::uint32_t> tail_{0};
    bool alone_;  // only the owner looks
    std::array<std::atomic<task*>, capacity> slots_{};
};

}  // namespace ramie::detail
