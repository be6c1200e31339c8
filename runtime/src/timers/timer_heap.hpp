// The armed deadlines of one worker: a 4-ary heap whose items carry their deadline, so that sifting touches no node.
//
// With a million sleepers everything here is far from the caches. So the memory that sifting touches is packed: the
// items, four siblings to a cache line, and a table with each node's place in the heap. Due deadlines are taken out
// some thirty at a time; their nodes, tasks and stacks are then prefetched together.
//
// Any thread may take any step, under the heap's one-word lock: the owner arms, the task (on any thread) disarms, and a
// thread that looks at the time fires what is due. A node lives in the heap's pool and holds {task, generation, place}.
// It holds no reference to the task, because
//   - it is armed and the task published as parked in one step under the lock (arm), so a firing claim finds it parked;
//   - a task whose wait ended otherwise takes the lock to disarm before it does anything else;
//   - a firing claims under the lock: it either owns the task (and frees the node), or lost and leaves the node, already
//     out of the heap, to the task's disarm.
#pragma once

#include "queues/inject_queue.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/task/task.hpp>

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace ramie::detail {

class timer_heap;

struct timer_entry {
    timer_heap* heap;
    task* sleeper;
    std::uint64_t generation;
    std::uint32_t number;  // the node's number in its heap's pool
    timer_entry* next_free;
};

class timer_heap {
  public:
    // --- owner ---
    // Makes room for one more, before a fiber leaves: where the deadline is armed, there is no caller to get an error.
    // False: no memory. Other threads only give room back meanwhile.
    [[nodiscard]] bool can_arm() noexcept { return has_room_ || make_room(); }
    // After can_arm(): parks `t` with a deadline. `earlier`: the deadline became the heap's first.
    task_state::park_result arm(task& t, std::uint64_t g, bool abortable, time_point until, bool& earlier) noexcept;
    // For how many deadlines there is memory; the nodes are most of that memory. From any thread.
    std::size_t capacity() const noexcept;
    std::size_t nodes() const noexcept;
    // --- any thread ---
    void disarm(task& t) noexcept;
    // Claims the waits of all due deadlines; returns the tasks chained, to be made runnable.
    task_chain fire(time_point now) noexcept;
    // Gives back memory for more deadlines than were armed at once since the last call; room that can_arm() has
    // promised stays. True: the next call will give back more.
    bool trim() noexcept;
    // How many deadlines are armed.
    std::size_t size() const noexcept;
    // The deadline that `sleeper` had armed under that number; never: it has not any more. `sleeper` is only compared.
    time_point deadline_of(task const* sleeper, std::uint32_t number) const noexcept;
    // The first deadline, or never.
    time_point first() const noexcept { return time_point(time_point::duration(first_.load(std::memory_order_seq_cst))); }

  private:
    static constexpr std::uint32_t nowhere = ~0u;
    static constexpr std::uint32_t block_size = usual_or_in_model<std::uint32_t>(256, 2);
    static constexpr std::size_t batch_size = 32;

    struct item {
        time_point when;
        std::uint32_t number;
    };
    // The pool's nodes are allocated and freed in blocks.
    struct block {
        bool is_free() const noexcept { return nodes && free_count == block_size; }

        std::unique_ptr<timer_entry[]> nodes;  // null: it was given back; its numbers can be used again
        timer_entry* free = nullptr;
        std::uint32_t free_count = 0;
        std::uint32_t next = nowhere;  // the next block with free nodes, or without any
    };

    timer_entry& node(std::uint32_t number) const noexcept RAMIE_UNDER(lock_) {
        return blocks_[number / block_size].nodes[number % block_size];
    }
    bool make_room() noexcept;
    void add_nodes() RAMIE_UNDER(lock_);
    std::size_t spare_blocks(std::size_t needed) const noexcept RAMIE_UNDER(lock_);
    static std::size_t enough_items(std::size_t needed) noexcept;
    void give_back_blocks(std::size_t needed, std::vector<std::unique_ptr<timer_entry[]>>& to) noexcept RAMIE_UNDER(lock_);
    void give_back_items(std::size_t needed) RAMIE_UNDER(lock_);
    timer_entry& take_node() noexcept RAMIE_UNDER(lock_);
    void put_back(timer_entry& n) noexcept RAMIE_UNDER(lock_);
    void put(std::size_t place, item const& i) noexcept RAMIE_UNDER(lock_);
    void sift_up(std::size_t place, item const& i) noexcept RAMIE_UNDER(lock_);
    void sift_down(std::size_t place, item const& i) noexcept RAMIE_UNDER(lock_);
    void remove(std::size_t place) noexcept RAMIE_UNDER(lock_);
    std::span<timer_entry*> take_due(time_point now, std::array<timer_entry*, batch_size>& room) noexcept
        RAMIE_UNDER(lock_);
    void publish_first() noexcept RAMIE_UNDER(lock_);

    bool has_room_ = false;  // the owner's; room for at least one more

    mutable word_lock lock_;
    std::vector<item> items_ RAMIE_GUARDED_BY(lock_);
    std::size_t peak_ RAMIE_GUARDED_BY(lock_) = 0;               // the most items since the last trim
    std::vector<std::uint32_t> places_ RAMIE_GUARDED_BY(lock_);  // by number: index in items_; `nowhere`: popped or free
    std::vector<block> blocks_ RAMIE_GUARDED_BY(lock_);
    std::uint32_t with_free_ RAMIE_GUARDED_BY(lock_) = nowhere;   // the first block that has free nodes
    std::uint32_t given_back_ RAMIE_GUARDED_BY(lock_) = nowhere;  // the first without nodes
    // Read by a worker that falls asleep, without the lock (idle.md).
    atomic<time_point::rep> first_{never.time_since_epoch().count()};
};

}  // namespace ramie::detail
