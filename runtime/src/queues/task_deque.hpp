// Spawned tasks that have not started: the owner pushes and takes the newest, thieves take the oldest.
//
// The Chase-Lev deque over a growing circular buffer, with sequentially consistent accesses where its proof asks for
// them (Chase and Lev 2005; the weaker orders of Le et al. 2013 are kept only where they cost nothing to check):
//   entries are [top_, bottom_). Only the owner moves bottom_; top_ only grows, by CAS.
//   pop    1. bottom_ = b-1 (seq_cst)  2. reads top_ (seq_cst)
//          top < b-1: the entry is ours alone.  top == b-1: the last one; a CAS on top_ decides against thieves.
//   steal  1. reads top_ = t (seq_cst)  2. reads bottom_ (seq_cst)  3. CAS top_ t -> t+1
//          Either the thief's step 2 sees the owner's step 1, or the owner's step 2 sees the top_ that the thief's step 1 saw.
//   The CASes themselves are not in that order, and need not be: if pop's step 2 reads a top_ older than t, then it comes
//   before every sequentially consistent read of t, since the step that wrote t stands between them on the same location.
//   So a thief that could take an entry which pop takes without asking reads bottom_ after pop's step 1, and gives up. For
//   the last entry both sides have a CAS, of which one fails.
//   A buffer that was given up (for a larger one, or a smaller) stays until the deque dies: a thief may still read from it,
//   and then fails its CAS or reads the same entry. What it costs is given back all the same (trim): first its slots become
//   null, with release order; a thief that reads null (acquire) looks for the present buffer again, and there finds the
//   entry, or the same buffer: then a thief has taken it. Only then its pages are returned, which leaves them null.
//   A buffer may come into use again. A thread that reads slot t of it reads null, or entry t if that is not taken yet,
//   since no other entry has that slot until it is.
// An entry may be stale (its task was started by a joiner, or aborted): the thread that takes it asks
// task_state::start().
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/solitude.hpp>
#include <ramie/detail/task/task.hpp>

#include <memory>
#include <vector>

namespace ramie::detail {

class task_deque {
  public:
    // `alone`: its owner's. Then there are no thieves, and the owner needs no ordering.
    explicit task_deque(solitude& alone);
    task_deque(task_deque const&) = delete;
    task_deque& operator=(task_deque const&) = delete;

    // --- owner ---
    // Gives back memory if fewer entries than an eighth of it are there, and it has not grown since the last call. True: the
    // next call may give back more.
    bool trim() noexcept;
    // For how many entries there is memory.
    std::size_t capacity() const noexcept;
    // False: there was no memory to grow.
    [[nodiscard]] bool push(task& t) noexcept {
        auto const b = bottom_.load(std::memory_order_relaxed);
        auto* const ring = buffer_.load(std::memory_order_relaxed);
        if (b - top_seen_ >= ring->capacity) [[unlikely]] {
            // acquire pairs with the CAS in steal(): the slot about to be overwritten was read.
            top_seen_ = top_.load(std::memory_order_acquire);
            if (b - top_seen_ >= ring->capacity) return push_growing(t);
        }
        ring->at(b).store(&t, std::memory_order_relaxed);
        bottom_.store(b + 1, std::memory_order_release);  // pairs with the read of bottom_ in steal()
        return true;
    }
    task* pop() noexcept {
        auto const b = bottom_.load(std::memory_order_relaxed) - 1;
        if (b < top_.load(std::memory_order_relaxed)) return nullptr;  // empty, and top_ never falls
        if (alone_.enter()) return pop_alone(b);
        return pop_contended(b);
    }
    bool looks_empty() const noexcept {
        return bottom_.load(std::memory_order_relaxed) <= top_.load(std::memory_order_relaxed);
    }
    // Takes `t` if it is the newest.
    bool pop_if_newest(task& t) noexcept {
        auto const b = bottom_.load(std::memory_order_relaxed) - 1;
        if (b < top_.load(std::memory_order_relaxed)) return false;
        if (buffer_.load(std::memory_order_relaxed)->at(b).load(std::memory_order_relaxed) != &t) return false;
        return pop() != nullptr;
    }

    // --- any thread ---
    // Null: empty, or lost against another thread.
    task* steal() noexcept;
    // How many were ever taken from the old end: unchanged means that the oldest entry is the same.
    std::int64_t taken() const noexcept { return top_.load(std::memory_order_relaxed); }
    // How many steal() ever gave. (taken() counts each last entry that its owner pops, too.)
    std::uint64_t stolen() const noexcept { return stolen_.load(std::memory_order_relaxed); }
    std::size_t size() const noexcept {
        auto const n = bottom_.load(std::memory_order_relaxed) - top_.load(std::memory_order_relaxed);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    bool empty() const noexcept {
        return bottom_.load(std::memory_order_seq_cst) <= top_.load(std::memory_order_seq_cst);
    }

  private:
    class buffer {
      public:
        explicit buffer(std::int64_t n);  // a power of two; std::bad_alloc
        buffer(buffer const&) = delete;
        buffer& operator=(buffer const&) = delete;
        ~buffer();
        atomic<task*>& at(std::int64_t i) noexcept { return slots_[static_cast<std::size_t>(i & (capacity - 1))]; }
        // Makes the slots null, and returns their memory.
        void clear() noexcept;
        bool is_clear() const noexcept { return clear_; }
        void use() noexcept { clear_ = false; }

        std::int64_t const capacity;

      private:
        std::size_t bytes() const noexcept { return static_cast<std::size_t>(capacity) * sizeof(atomic<task*>); }
        bool is_mapped() const noexcept;

        atomic<task*>* slots_;
        bool clear_ = true;
    };

    bool push_growing(task& t) noexcept;
    void move_to(std::int64_t capacity);
    buffer& buffer_of(std::int64_t capacity);
    task* pop_alone(std::int64_t b) noexcept {
        bottom_.store(b, std::memory_order_relaxed);
        auto* const taken = buffer_.load(std::memory_order_relaxed)->at(b).load(std::memory_order_relaxed);
        alone_.leave();
        return taken;
    }
    task* pop_contended(std::int64_t b) noexcept;

    alignas(64) atomic<std::int64_t> bottom_{0};
    std::int64_t top_seen_ = 0;  // owner's: top_ was there at least. While thieves are busy each look at top_ is a miss
    atomic<buffer*> buffer_;
    solitude& alone_;
    bool has_grown_ = false;  // since the last trim
    std::vector<std::unique_ptr<buffer>> buffers_;  // all that ever were, of different sizes; if alone, the one in use
    alignas(64) atomic<std::int64_t> top_{0};
    atomic<std::uint64_t> stolen_{0};
};

}  // namespace ramie::detail
