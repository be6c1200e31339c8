// The unfinished tasks of a runtime, for its end and for those who look at it from outside.
//
// Adding and removing a task is on the way of every spawn, walking is rare; so the former take no lock and no atomic
// read-modify-write. The table is slots in chunks, which it keeps until it dies. A slot holds a task or, while it is
// free, a link. A free slot belongs to one lane's share (or to the foreign threads', which has a lock): the lane that
// adds a task takes it from its own, the lane where the task ends puts it into its own. So a slot wanders between
// shares; what a share has too much of goes to the pool.
//
//   ending a task                                walking
//   1. slot := free                              a. attention_ |= walking
//   2. light_fence()                             b. heavy_fence()
//   3. attention_ says walking: waits for d      c. for each slot with a task: f(task)
//   4. may free the task                         d. attention_ &= ~walking
//
// Either c finds the slot free, or 3 sees a, and 4 comes after d: so a task that c finds is not freed under f's hands.
// f may take a reference for later.
//
// size() reads all shares' removals before all additions. A removal it counts has its addition counted too, so it may
// say too many, but not too few: who wants to see the last task go (shutdown) raises `attention_` first, and looks
// again at each removal.
//
// Unproved: checked by stress tests and TSan, which knows neither fence.
#pragma once

#include <ramie/detail/word_lock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ramie::detail {

class task;

class live_table {
  public:
    struct slot {
        std::atomic<std::uintptr_t> word{free_mark};  // a task, or the next free slot with the mark
    };

    // What one lane has of the table. Only its owner calls add() and remove().
    class share {
      public:
        // Once, before its first task.
        void join(live_table& table);
        live_table* table() const noexcept { return table_; }

        void add(task&) noexcept;  // out of memory for a chunk of slots ends the process
        void remove(task&) noexcept;

      private:
        friend class live_table;
        slot* take() noexcept;
        void put(slot& s) noexcept;

        live_table* table_ = nullptr;
        slot* free_ = nullptr;
        std::uint32_t free_count_ = 0;
        std::atomic<std::size_t> added_{0}, removed_{0};
    };

    live_table() { foreign_.join(*this); }
    live_table(live_table const&) = delete;
    live_table& operator=(live_table const&) = delete;

    // By the share of the lane this is called on, or by the foreign one.
    void add(task&) noexcept;
    // The last thing a task does with its runtime: called on a foreign thread, after this the runtime may be gone.
    void remove(task&) noexcept;

    // From now on every removal adds one to `ended` and wakes who waits on it; null: no longer, and no foreign thread
    // is in remove() any more. For shutdown.
    void watch(std::atomic<std::uint32_t>* ended) noexcept;
    std::size_t size() const noexcept;

    // Calls f(task&) for each. Tasks that end meanwhile wait for it: f must be short, must not wait and must not spawn.
    template <class F>
    void for_each(F&& f) {
        walk_lock_.lock();
        begin_walk();
        for (auto const& chunk : chunks_of_now()) {
            for (std::uint32_t i = 0; i < chunk_size; ++i) {
                // acquire pairs with the release in share::add().
                auto const word = chunk[i].word.load(std::memory_order_acquire);
                if ((word & free_mark) == 0) f(*reinterpret_cast<task*>(word));
            }
        }
        end_walk();
        walk_lock_.unlock();
    }

  private:
    static constexpr std::uintptr_t free_mark = 1;
    static constexpr std::uint32_t chunk_size = 256;
    enum : std::uint32_t { walking = 1, watched = 2 };

    slot* take_batch(std::uint32_t& count);
    void put_batch(slot* first, slot* last) noexcept;
    static slot* next_free(slot const& s) noexcept {
        return reinterpret_cast<slot*>(s.word.load(std::memory_order_relaxed) & ~free_mark);
    }
    static void set_free(slot& s, slot* next) noexcept {
        s.word.store(reinterpret_cast<std::uintptr_t>(next) | free_mark, std::memory_order_relaxed);
    }
    void begin_walk() noexcept;
    void end_walk() noexcept;
    std::vector<slot*> chunks_of_now();
    void attend() noexcept;

    std::atomic<std::uint32_t> attention_{0};
    std::atomic<std::atomic<std::uint32_t>*> ended_{nullptr};
    word_lock walk_lock_;

    mutable word_lock pool_lock_;  // of the four below
    std::vector<std::unique_ptr<slot[]>> chunks_;
    std::vector<share const*> shares_;
    slot* pool_ = nullptr;
    std::uint32_t pool_count_ = 0;

    word_lock foreign_lock_;
    share foreign_;
};

}  // namespace ramie::detail
