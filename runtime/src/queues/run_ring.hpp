// Woken and yielded tasks of one worker, first in, first out; thieves take half.
//
//   entries are [head_, tail_) modulo 2^32. Only the owner moves tail_; head_ only grows, by CAS of owner and thieves.
//   A thief reads the entries first and then moves head_: if its CAS succeeds no thread took them in between, and
//   the owner cannot have overwritten them, because it writes only where head_ has passed.
//   A lone owner (solitude.hpp) moves head_ by a plain store, and may look at the tasks themselves before their turn:
//   there is no thief that might run them to their end.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/solitude.hpp>
#include <ramie/detail/task/task.hpp>

#include <array>
#include <cstdint>

namespace ramie::detail {

class run_ring {
  public:
    static constexpr std::uint32_t capacity = usual_or_in_model(1024, 4);

    // `alone`: its owner's.
    explicit run_ring(solitude& alone) : alone_(alone) {}

    // --- owner ---
    // False: full.
    [[nodiscard, gnu::always_inline]] bool push(task& t) noexcept {
        auto const tail = tail_.load(std::memory_order_relaxed);
        // acquire pairs with the release of the thread that moved head_: the slot was read.
        if (tail - head_.load(std::memory_order_acquire) >= capacity) return false;
        slots_[tail % capacity].store(&t, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire in steal_into()
        return true;
    }
    // What is in it, as its owner sees it; thieves may since have made it less.
    struct front {
        std::uint32_t head = 0, count = 0;
    };
    front look() const noexcept {
        auto const head = head_.load(std::memory_order_relaxed);
        return {head, tail_.load(std::memory_order_relaxed) - head};
    }
    // The entries behind the one that was just taken.
    struct rest {
        run_ring const& of;
        std::uint32_t first, count;
        task const& at(std::uint32_t i) const noexcept {
            return *of.slots_[(first + i) % capacity].load(std::memory_order_relaxed);
        }
    };
    // `behind(rest, safe)` may look at what waits behind it (prefetch.hpp), and, if it is `safe`, into these tasks: no
    // thief takes them meanwhile, and lets them end.
    template <class Behind>
    [[gnu::always_inline]] task* pop(front seen, Behind behind) noexcept {
        if (seen.count == 0) return nullptr;
        if (!alone_.enter()) return pop_contended(behind);
        // Nothing was taken since: company that had come after look() would be there still.
        auto* const t = slots_[seen.head % capacity].load(std::memory_order_relaxed);
        if (t == nullptr) __builtin_unreachable();
        head_.store(seen.head + 1, std::memory_order_relaxed);
        behind(rest{*this, seen.head + 1, seen.count - 1}, true);
        alone_.leave();
        return t;
    }
    task* pop() noexcept {
        return pop(look(), [](rest, bool) {});
    }
    std::uint32_t room() const noexcept {
        return capacity - (tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire));
    }

    // --- any thread ---
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
            // release pairs with the acquire in push(): the slot was read. Success needs no acquire: the same head_ was read
            // with it before.
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release, std::memory_order_acquire))
                return oldest;
        }
    }
    // A thief moves half of this ring into its own empty one; returns one of them, or null.
    task* steal_into(run_ring& mine) noexcept {
        // All reads of head_ are relaxed, unlike in steal(): here a head_ beyond the tail_ that is read is noticed, and an old
        // one fails the CAS.
        auto head = head_.load(std::memory_order_relaxed);
        for (;;) {
            auto const available = tail_.load(std::memory_order_acquire) - head;  // pairs with push()
            if (available == 0) return nullptr;
            if (available > capacity) {  // head_ moved on between the two reads
                head = head_.load(std::memory_order_relaxed);
                continue;
            }
            auto const taken = available - available / 2;
            auto const at = mine.tail_.load(std::memory_order_relaxed);
            auto* const first = slots_[head % capacity].load(std::memory_order_relaxed);
            for (std::uint32_t i = 1; i < taken; ++i) {
                mine.slots_[(at + i - 1) % capacity].store(
                    slots_[(head + i) % capacity].load(std::memory_order_relaxed), std::memory_order_relaxed);
            }
            // release pairs with the acquire in push(): the slots were read; and with those in steal(): a tail_ before this
            // head_ is not read any more.
            if (!head_.compare_exchange_weak(head, head + taken, std::memory_order_release, std::memory_order_relaxed))
                continue;
            mine.tail_.store(at + taken - 1, std::memory_order_release);
            return first;
        }
    }

  private:
    template <class Behind>
    [[gnu::noinline]] task* pop_contended(Behind behind) noexcept {
        auto const tail = tail_.load(std::memory_order_relaxed);
        auto head = head_.load(std::memory_order_relaxed);
        while (head != tail) {
            auto* const t = slots_[head % capacity].load(std::memory_order_relaxed);
            // release: a thief that reads this head_ sees the push of each entry up to it.
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release, std::memory_order_relaxed)) {
                behind(rest{*this, head + 1, tail - head - 1}, false);
                return t;
            }
        }
        return nullptr;
    }

    alignas(64) atomic<std::uint32_t> head_{0};
    alignas(64) atomic<std::uint32_t> tail_{0};
    solitude& alone_;
    std::array<atomic<task*>, capacity> slots_{};
};

}  // namespace ramie::detail
