// The unfinished tasks of a runtime, for its end and for code that looks at them from outside.
//
// Every spawn and every end touches the table, while walks are rare; so adding and removing take no lock and no atomic
// read-modify-write. The table consists of slots in chunks, which it keeps until it dies. A slot holds a task or, while
// it is free, a link. A free slot belongs to one lane's share (or to the foreign threads' share, which has a lock): the
// lane that adds a task takes a slot from its own share, the lane on which the task ends puts the slot into its own. So
// a slot wanders between shares; slots that a share has too many of go to the pool.
//
//   ending a task                                walking
//   1. slot := free                              a. walks_gate_.close()
//   2. walks_gate_.pass()? no: waits for c       b. for each slot with a task: f(task)
//   3. may free the task                         c. walks_gate_.open()
//
// Either b finds the slot free, or 2 finds the gate closed, and then 3 comes after c (asymmetric_gate.hpp): so a task
// that b finds is not freed while f runs. A walk covers one chunk, and f only takes a reference; work on the tasks is
// done after c.
//
// size() reads all shares' removals before all additions. For each removal it counts, it counts the addition too, so
// the result may be too large, but not too small.
//
// There are two counts of ended tasks. A task leaves the table before it is finished, so that after a join it is not
// counted; but until it is finished it may come back (task::conclude). So shutdown asks is_over(), which also counts
// finished tasks. Shutdown looks again when a worker has nothing left to do, and when a task has ended elsewhere (the
// listener).
//
// Walking beside an end, and the counts, are checked by a model (tests/model/live_table_test.cpp). Not proved: trimming.
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ramie::detail {

struct debug_layout;
class task;

class live_table {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    struct slot {
        atomic<std::uintptr_t> word{free_mark};  // a task, or the next free slot with the mark
    };

    // One lane's part of the table. Only its owner calls add() and remove().
    class share {
      public:
        // Once, before its first task.
        void join(live_table& table);
        live_table* table() const noexcept { return table_; }

        void add(task&);  // std::bad_alloc: no slot, and no memory for more
        void remove(task&) noexcept;
        // Gives its free slots to the pool.
        void flush() noexcept;
        // All tasks removed so far are finished.
        void concluded() noexcept {
            // release pairs with the acquire in is_over().
            concluded_.store(removed_.load(std::memory_order_relaxed), std::memory_order_release);
        }

      private:
        friend class live_table;
        slot* take();
        void put(slot& s) noexcept;
        void put_batch_back() noexcept;

        live_table* table_ = nullptr;
        slot* free_ = nullptr;
        std::uint32_t free_count_ = 0;
        atomic<std::size_t> added_{0}, removed_{0}, concluded_{0};
    };

    // Told when a task has ended that no lane ran.
    class end_listener {
      public:
        virtual void something_ended() noexcept = 0;

      protected:
        ~end_listener() = default;
    };

    live_table() {
        foreign_.join(*this);
        walks_gate_.open();
    }
    live_table(live_table const&) = delete;
    live_table& operator=(live_table const&) = delete;

    // Adds to the share of the lane this is called on, or to the foreign one. std::bad_alloc.
    void add(task&);
    // For a finished task. This is the last thing it does with its runtime: on a foreign thread, the runtime may be
    // gone after this.
    void remove(task&) noexcept;

    // From now on `listener` is told, on the thread where the task ended. Null: it is not told any more, and no foreign
    // thread is in remove() any more. For shutdown.
    void listen(end_listener* listener) noexcept;
    std::size_t size() const noexcept;
    // All added tasks have finished.
    bool is_over() const noexcept;
    // Gives back memory that was not needed for as long as `decay`; a little at a time. Returns when to be called
    // again; `never`: there is nothing to give back.
    time_point trim(time_point now, std::chrono::steady_clock::duration decay) noexcept;
    // The number of slots for which there is memory.
    std::size_t capacity() const noexcept;
    // How many chunks were ever walked: the cost of all walks.
    std::size_t walks() const noexcept { return walks_.load(std::memory_order_relaxed); }

    // Calls f(task&) for each task that was there when the walk began and has not ended (or has just ended). Each is
    // referenced meanwhile, and no lock is held: f may do anything.
    template <class F>
    void for_each(F&& f) {
        for (std::size_t chunk = 0;; ++chunk) {
            batch tasks;
            if (!refer_to(chunk, tasks)) return;
            for (std::uint32_t i = 0; i < tasks.count; ++i) f(*tasks.all[i]);
        }
    }

  private:
    friend struct debug_layout;
    static constexpr std::uintptr_t free_mark = 1;
    static constexpr std::uint32_t chunk_size = usual_or_in_model<std::uint32_t>(256, 2);

    // References to the tasks of one chunk.
    struct batch {
        batch() = default;
        batch(batch const&) = delete;
        batch& operator=(batch const&) = delete;
        ~batch();
        std::uint32_t count = 0;
        std::array<task*, chunk_size> all;
    };

    // False: there is no such chunk.
    bool refer_to(std::size_t chunk, batch& out) noexcept;
    // Free slots wander, so those of one chunk may be anywhere. trim() sorts them back into their chunks; a chunk whose
    // slots are all back is freed. Its place in the row stays, since walkers count by it.
    struct slot_chunk {
        std::unique_ptr<slot[]> slots;  // null: the chunk was freed
        slot* sorted = nullptr;         // its free slots that are back
        std::uint32_t sorted_count = 0;
    };
    class address_book;

    slot* take_batch(std::uint32_t& count);
    slot* take_sorted(std::uint32_t& count) noexcept RAMIE_UNDER(pool_lock_);
    slot* add_chunk() RAMIE_UNDER(pool_lock_);
    void put_batch(slot* first, slot* last) noexcept;
    void put_loose(slot* first, slot* last, std::uint32_t count) noexcept;
    std::size_t begin_trim(time_point now, std::chrono::steady_clock::duration decay) noexcept;
    slot* next_to_sort(std::size_t& batches_left) noexcept;
    void sort(slot* list, address_book const& book) noexcept;
    void free_whole_chunks();
    std::size_t places() const noexcept;
    static slot* next_free(slot const& s) noexcept {
        return reinterpret_cast<slot*>(s.word.load(std::memory_order_relaxed) & ~free_mark);
    }
    static void set_free(slot& s, slot* next) noexcept {
        s.word.store(reinterpret_cast<std::uintptr_t>(next) | free_mark, std::memory_order_relaxed);
    }
    void wait_for_walk() noexcept;

    asymmetric_gate walks_gate_;  // closed during a walk
    atomic<std::size_t> walks_{0};
    word_lock walk_lock_;

    mutable word_lock pool_lock_;
    std::vector<slot_chunk> chunks_ RAMIE_GUARDED_BY(pool_lock_);
    std::vector<share const*> shares_ RAMIE_GUARDED_BY(pool_lock_);
    std::vector<slot*> batches_ RAMIE_GUARDED_BY(pool_lock_);     // lists of chunk_size free slots each
    slot* loose_ RAMIE_GUARDED_BY(pool_lock_) = nullptr;          // a list of any length
    std::uint32_t loose_count_ RAMIE_GUARDED_BY(pool_lock_) = 0;
    std::size_t sorted_ RAMIE_GUARDED_BY(pool_lock_) = 0;         // slots back in their chunks
    std::size_t gone_ RAMIE_GUARDED_BY(pool_lock_) = 0;           // chunks that were freed; their places can be used again
    std::size_t least_batches_ RAMIE_GUARDED_BY(pool_lock_) = 0;  // the fewest batches since surplus_ was last computed
    std::size_t surplus_ RAMIE_GUARDED_BY(pool_lock_) = 0;        // batches not taken for that long, to be sorted
    time_point reckon_at_ RAMIE_GUARDED_BY(pool_lock_) = time_point::min();

    atomic_flag trimming_;

    word_lock foreign_lock_;
    share foreign_ RAMIE_GUARDED_BY(foreign_lock_);
    end_listener* listener_ RAMIE_GUARDED_BY(foreign_lock_) = nullptr;
};

}  // namespace ramie::detail
