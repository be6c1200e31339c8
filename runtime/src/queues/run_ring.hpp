// Woken and yielded tasks of one worker, first in, first out; thieves take half.
//
//   entries are [head_, tail_) modulo 2^32. Only the owner moves tail_; head_ only grows, by CAS of owner and thieves.
//   A thief reads the entries first and then moves head_: if its CAS succeeds nobody took them in between, and the owner
//   cannot have overwritten them, because it writes only where head_ has passed.
//   A lone owner (solitude.hpp) moves head_ by a plain store, and may look at the tasks themselves before their turn:
//   there is no thief who might let them end.
#pragma once

#include "queues/solitude.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/task/task.hpp>

#include <array>
#include <cstdint>

namespace ramie::detail {

class run_ring {
  public:
    static constexpr std::uint32_t capacity = usual_or_in_model(1024, 4);

    explicit run_ring(bool alone) : alone_(alone) {}

    // --- owner ---
    solitude& alone() noexcept { return alone_; }
    // False: full.
    [[nodiscard]] bool push(task& t) noexcept {
        auto const tail = tail_.load(std::memory_order_relaxed);
        // acquire pairs with the release of whoever moved head_: the slot was read.
        if (tail - head_.load(std::memory_order_acquire) >= capacity) return false;
        slots_[tail % capacity].store(&t, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire in steal_into()
        return true;
    }
    task* pop() noexcept { return pop_and([](run_ring const&, std::uint32_t, std::uint32_t, bool) {}); }
    // With many tasks in turn each has left the caches before it runs again: gets what later ones need on its way. `crowd`:
    // more wait than fit in here.
    task* pop_and_prefetch(bool const& crowd) noexcept {
        return pop_and([&crowd](run_ring const& ring, std::uint32_t head, std::uint32_t count, bool alone) {
            if (count <= far) return;
            if (crowd) ring.prefetch_of_crowd(head, count, alone);
            else ring.prefetch(head, alone);
        });
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

    // A thief takes the oldest, or null.
    task* steal() noexcept {
        auto head = head_.load(std::memory_order_acquire);
        for (;;) {
            if (tail_.load(std::memory_order_acquire) == head) return nullptr;  // pairs with push()
            auto* const oldest = slots_[head % capacity].load(std::memory_order_relaxed);
            // release pairs with the acquire in push(): the slot was read.
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire))
                return oldest;
        }
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
    static constexpr std::uint32_t far = 6;  // so many entries ahead
    static constexpr int line = 64, lines_of_block = 4, lines_of_stack = 9;  // of a task that waits in its first frames

    // `look` may look at the entries that come after the one that is taken.
    template <class Look>
    [[gnu::always_inline]] task* pop_and(Look look) noexcept {
        auto const tail = tail_.load(std::memory_order_relaxed);
        auto head = head_.load(std::memory_order_relaxed);
        if (head == tail) return nullptr;
        if (alone_.enter()) {
            auto* const t = slots_[head % capacity].load(std::memory_order_relaxed);
            head_.store(head + 1, std::memory_order_relaxed);
            look(*this, head + 1, tail - head - 1, true);
            alone_.leave();
            return t;
        }
        do {
            auto* const t = slots_[head % capacity].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) {
                look(*this, head + 1, tail - head - 1, false);
                return t;
            }
        } while (head != tail);
        return nullptr;
    }

    task const& at(std::uint32_t i) const noexcept { return *slots_[i % capacity].load(std::memory_order_relaxed); }
    // First the block, then, if no thief might let the task end meanwhile, what the block points to.
    void prefetch(std::uint32_t head, bool alone) const noexcept {
        constexpr std::uint32_t near = 2;
        prefetch_block(head + far);
        if (!alone) return;
        prefetch_stack(head + near, 0);
        prefetch_stack(head + near, 1);
    }
    // Their stacks have left the TLB too, and a prefetch waits until its address is translated. So eight at a time, whose
    // translations go on beside each other. (For a thousand tasks it would be the worse way.)
    void prefetch_of_crowd(std::uint32_t head, std::uint32_t count, bool alone) const noexcept {
        constexpr std::uint32_t group = 8, near = 4, farther = near + group;
        if (head % group != 0 || count < farther + group) return;
        for (auto i = head + farther; i != head + farther + group; ++i) prefetch_block(i);
        if (!alone) return;
        for (auto i = head + near; i != head + near + group; ++i) prefetch_stack(i, 0);
        for (auto i = head + near; i != head + near + group; ++i) prefetch_stack(i, 1);
    }
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

    alignas(64) atomic<std::uint32_t> head_{0};
    alignas(64) atomic<std::uint32_t> tail_{0};
    solitude alone_;
    std::array<atomic<task*>, capacity> slots_{};
};

}  // namespace ramie::detail
