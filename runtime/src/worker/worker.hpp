// A worker: an OS thread's run queues, and the loop that keeps it busy.
//
// pick() takes from the worker's own queues, in the order of service_order.hpp, and runs on any stack; everything else
// here that looks further (stealing, timers, readiness, sleeping) runs on the OS thread's own stack, in run(). order.md
// tells the whole order.
#pragma once

#include "queues/inject_queue.hpp"
#include "queues/next_slot.hpp"
#include "queues/prefetch.hpp"
#include "queues/run_ring.hpp"
#include "queues/spawn_turn.hpp"
#include "queues/task_deque.hpp"
#include "sleep/parker.hpp"
#include "sleep/thief_calls.hpp"
#include "timers/timer_heap.hpp"
#include "worker/service_order.hpp"
#include "worker/thread_clock.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/switch/lane.hpp>

#include <cstdint>
#include <functional>

namespace ramie::detail {

struct debug_layout;
class scheduler;
class stage;

// Written by the worker alone, read by any thread.
class counter {
  public:
    std::uint64_t add(std::uint64_t n = 1) noexcept {
        auto const sum = value_.load(std::memory_order_relaxed) + n;
        value_.store(sum, std::memory_order_relaxed);
        return sum;
    }
    std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    atomic<std::uint64_t> value_{0};
};

class worker final : public lane {
  public:
    worker(scheduler& home, unsigned index, bool is_alone, bool spare = false);
    ~worker();

    // The loop, until the runtime stops or, for a current_thread runtime, until `done` or the time. On the worker's
    // thread.
    void run();
    void run_until(std::function<bool()> const& done, time_point until);

    // --- this worker only ---
    task* pick() noexcept {
        auto const now = picks_.add();
        if (order_.is_due(now)) [[unlikely]] return pick_with_care();
        in_queues const queues(*this);
        auto const from = order_.choose(now, queues);
        // Inline what is common.
        if (from == source::ring) {
            order_.took(source::ring);
            auto* const t = ring_.pop(queues.seen_in_ring(), prefetch_behind{crowded_});
            if (t != nullptr && t->stack != nullptr) [[likely]] return t;
            return take_unstarted(t);
        }
        if (from == source::next) {
            order_.took(source::next);
            if (auto* const t = next_.take()) [[likely]] return t;
        }
        return from == source::nothing ? nullptr : take_local();
    }
    // Gives a new task its id and puts it into the live table.
    void list_here(task& t);  // std::bad_alloc: it is not in
    void post_spawned(task& t) noexcept;
    void post_woken(task& t) noexcept {
        if (current == nullptr) [[unlikely]] return post_from_loop(t);
        auto* const displaced = next_.put(&t);
        if (displaced != nullptr) post_displaced(*displaced);  // else: it will run right here (idle.md)
    }
    // Whether a task that is woken on this worker's thread goes to this worker's queues.
    bool takes(task const& t) const noexcept;
    void post_yielded(task& t) noexcept {
        yields.add();
        if (t.pinned) [[unlikely]] return queue_own(t);
        push_ring(t);
        if (!alone.needs_no_wake()) offer_ring();
    }
    void queue_own(task& t) noexcept { own_.push(t); }
    // A task that one ending here has woken: true, it is next.
    bool hand_over(task& t) noexcept;
    // Takes an unstarted task out of the queue for its joiner if it may start here.
    task* claim_unstarted(task& t) noexcept;
    timer_heap& timers() noexcept { return timers_; }
    // For block_in_place: the running task keeps this worker, another does its work. False: it is lent already.
    [[nodiscard]] bool lend() noexcept;
    void take_back() noexcept;
    // For the worker of a simulation, once.
    void enter_stage() noexcept;
    // The task it is lent to, or null.
    task const* lent_by() const noexcept { return lent_by_.load(std::memory_order_relaxed); }

    // --- any thread ---
    // The runtime is down: lets go of stale entries.
    void drop_entries() noexcept;
    // A task that must run here.
    void post_own(task& t) noexcept;
    void unpark() noexcept;
    bool sleeps_in_driver() const noexcept { return parker_.is_in_driver(); }
    timer_heap const& timers() const noexcept { return timers_; }
    task_chain fire(time_point now) noexcept { return timers_.fire(now); }
    // What thieves may take.
    bool has_stealable() const noexcept { return !deque_.empty() || !ring_.empty(); }
    bool has_next() const noexcept { return next_.is_full(); }
    // In a task that said so: no stall.
    bool is_lent() const noexcept { return lent_by_.load(std::memory_order_seq_cst) != nullptr; }
    // In a task for long, by the monitor's judgement.
    bool is_stuck() const noexcept { return stuck_.load(std::memory_order_relaxed); }
    // For how long at least; only while it is stuck.
    std::chrono::nanoseconds stuck_for() const noexcept {
        return std::chrono::nanoseconds(stuck_for_.load(std::memory_order_relaxed));
    }
    // The number of the thread that is in its loop; 0: none.
    int thread() const noexcept { return thread_.load(std::memory_order_relaxed); }
    void note_time(time_point now) noexcept { clock.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
    // What waits in its own queue and may go elsewhere: other workers' tasks, which come under forced migration; and,
    // if wanted, pinned ones that have not started.
    task_chain give_movable(bool pinned_too) noexcept;
    bool has_own() const noexcept { return own_.size() > 0; }
    std::uint64_t picks() const noexcept { return picks_.read(); }
    bool is_asleep() const noexcept { return asleep_.load(std::memory_order_seq_cst); }
    std::size_t queued() const noexcept;

    // --- the monitor ---
    void mark_stuck(bool on, std::chrono::nanoseconds for_how_long) noexcept {
        stuck_for_.store(for_how_long.count(), std::memory_order_relaxed);
        stuck_.store(on, std::memory_order_relaxed);
    }
    std::chrono::nanoseconds computed() const noexcept { return clock_.read(); }
    std::size_t stealable() const noexcept { return deque_.size() + ring_.size(); }
    // While it is stuck: the task in its next-slot. (That it cannot be stolen otherwise keeps the slot cheap.)
    task* give_next() noexcept { return next_.steal(); }
    // In company: a task that waits in its ring or deque.
    task* give_oldest() noexcept;
    // What its task wakes and spawns from now on goes to the injection queue, until it looks around.
    void divert() noexcept { posts_for.store(nullptr, std::memory_order_relaxed); }
    bool is_diverted() const noexcept { return posts_for.load(std::memory_order_relaxed) == nullptr; }

    scheduler& home;
    unsigned const index;
    // The runtime whose spawns and wakes on this thread go to this worker's queues: `home`, or null while it is lent or
    // diverted.
    atomic<scheduler*> posts_for;
    counter steals, parks, yields;
    // Fibers that come back here after the wait they are in (stay.hpp). Its own thread's.
    std::size_t stayers = 0;

  private:
    friend struct debug_layout;
    using source = service_order::source;
    // What the order of service asks.
    struct in_queues {
        explicit in_queues(worker const& of) noexcept : w(of) {}
        bool own() const noexcept { return w.own_.size() != 0; }
        bool next() const noexcept { return !w.next_.empty(); }
        bool ring() const noexcept {
            seen_in_ring_ = w.ring_.look();
            return seen_in_ring_.count != 0;
        }
        bool spawned() const noexcept { return !w.deque_.looks_empty(); }
        // When it was last asked for the ring.
        run_ring::front seen_in_ring() const noexcept { return seen_in_ring_; }

      private:
        worker const& w;
        mutable run_ring::front seen_in_ring_;
    };
    // The same, if the next-slot were full.
    struct in_queues_and_next : in_queues {
        using in_queues::in_queues;
        bool next() const noexcept { return true; }
    };

    task* pick_with_care() noexcept;
    task* take_local() noexcept;
    task* take_from(source s) noexcept;
    task* take_spawned() noexcept;
    task* take_unstarted(task* t) noexcept;
    // An entry of a ring or an injection queue: woken (it has a stack) or not started.
    task* ready_entry(task* t) noexcept {
        if (t == nullptr || t->stack != nullptr) [[likely]] return t;
        return start_entry(*t);
    }
    task* start_entry(task& t) noexcept;
    [[gnu::always_inline]] void push_ring(task& t) noexcept {
        if (crowded_ || !ring_.push(t)) [[unlikely]] push_elsewhere(t);
    }
    void push_elsewhere(task& t) noexcept;
    // What is in the ring beside the next one may run elsewhere.
    void offer_ring() noexcept;
    // After it has put something where others may take it. True: a sleeper was woken.
    bool wake_another() noexcept;
    void post_from_loop(task& t) noexcept;
    void post_displaced(task& t) noexcept;
    task* find_work();
    task* find_work_on(stage& on);
    void gather(stage& on);
    void fire_on(stage& on);
    void look_around();
    bool harvests_instead();
    void adopt_injected() noexcept;
    void move_oldest_spawns(time_point now) noexcept;
    unsigned fire_due_timers(time_point now) noexcept;
    unsigned adopt(task_chain chain) noexcept;
    task* take_injected() noexcept;
    task* steal() noexcept;
    void take_more_from(worker& victim) noexcept;
    void found_work() noexcept;
    bool goes_off_duty() noexcept;
    void sleep();
    void wakes_up() noexcept;
    void comes_back() noexcept;
    void turn_driver(time_point limit);
    time_point housekeeping_limit(time_point now) noexcept;
    void keep_house(time_point now) noexcept;
    void give_caches_back() noexcept;
    void tidy(time_point now) noexcept;
    bool should_stop();

    bool const spare_;
    bool const may_be_alone_;  // the only regular worker
    task_deque deque_;
    thief_calls calls_;
    run_ring ring_;
    alignas(64) next_slot next_;
    service_order order_;
    counter picks_;
    time_point last_turn_{};
    bool searching_ = false;
    bool several_ready_ = false;  // at the last look at what is watched
    bool unwatched_ = false;  // it has slept: the monitor may rest
    bool crowded_ = false;    // more waits in the injection queue than the ring has room for
    std::uint32_t random_;
    std::uint64_t served_ = 0;  // how many spawned tasks it took from its deque
    std::uint64_t moved_ = 0;   // how many of the oldest it moved to its ring
    spawn_turn turn_;
    std::function<bool()> const* done_ = nullptr;
    time_point limit_ = never;  // run_until's
    bool looks_once_more_ = false;  // run_until(): has not looked for a task yet
    static constexpr std::uint64_t few_picks = 200;  // in half a second
    std::uint64_t picks_at_housekeeping_ = 0, picks_at_tidying_ = 0;
    time_point tidy_at_{};
    time_point trim_deque_at_ = never;  // if it has grown

    alignas(64) inject_queue own_;
    timer_heap timers_;
    parker parker_;
    atomic<bool> asleep_{true};  // or not in its loop
    atomic<bool> stuck_{false};
    atomic<std::chrono::nanoseconds::rep> stuck_for_{0};
    atomic<int> thread_{0};
    atomic<task const*> lent_by_{nullptr};
    thread_clock clock_;
};

}  // namespace ramie::detail
