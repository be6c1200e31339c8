// A lane: one OS thread's side of switching. A worker is a lane with run queues; the one-thread carrier has one too.
//
// A fiber that leaves (parks, yields, ends) picks its successor on its own stack and jumps to it. What must not happen
// before its registers are saved is an *errand*: it is noted in the lane, and the fiber that arrives runs it first
// (settle()):
//     park     publish the task as parked, then unlock what it held; if it was claimed meanwhile, make it runnable
//     requeue  put a yielding task into the ring, where thieves can see it
//     recycle  give an ended task's stack back
//     limit    none: the next task's turn is to be short
// The jump hands over the lane pointer; nothing keeps one across a jump.
#pragma once

#include <ramie/detail/blocks/block_cache.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/solitude.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/switch/context.hpp>
#include <ramie/detail/task/task.hpp>
#include <ramie/detail/wait/budget.hpp>


namespace ramie::detail {

struct thread_block;

// The fiber a lane runs. The lane alone changes it and may touch what it points to; others see which it is.
class current_task {
  public:
    task* get() const noexcept { return task_.load(std::memory_order_relaxed); }
    operator task*() const noexcept { return get(); }
    task* operator->() const noexcept { return get(); }
    current_task& operator=(task* t) noexcept {
        task_.store(t, std::memory_order_relaxed);
        return *this;
    }

  private:
    atomic<task*> task_{nullptr};
};

class lane {
  public:
    // `is_alone`: no other lane of its runtime runs beside it when it is made; a spare may come later.
    explicit lane(bool is_alone = true);
    lane(lane const&) = delete;
    lane& operator=(lane const&) = delete;

    // --- from the lane's own loop, on the OS thread's stack ---
    // Binds the lane to the calling OS thread.
    void enter_thread() noexcept;
    // Runs a picked task, and whatever is picked after it, until a pick fails.
    void run(task&) noexcept;

    // --- from a fiber of this lane ---
    struct parking {
        std::uint64_t generation;
        bool abortable;
        time_point until;
        word_lock* held;
    };
    // Returns on whatever lane the fiber is resumed.
    void park(parking const& p, task* successor = nullptr) noexcept;
    // Lets others run; returns at once if there are none.
    void yield() noexcept;
    // True: the running fiber has used up its budget, and is to yield (which renews it).
    [[nodiscard]] bool spend(std::uint32_t cost) noexcept { return budget_.spend(cost); }
    bool has_full_budget() const noexcept { return budget_.is_full(); }
    // std::uncaught_exceptions() of the running fiber, in one load.
    std::uint32_t uncaught_exceptions() const noexcept { return static_cast<std::uint32_t>(slots_.eh->uncaught); }
    // The running fiber goes on with that thread state (thread_block.hpp), and without. See own_state.cpp.
    void begin_own_state(thread_block const&) noexcept;
    void end_own_state() noexcept;
    // The fiber that is leaving, or has just come, is in the runtime's hands: it must not wait.
    bool is_switching() const noexcept { return errand_ != errand::none; }

    // --- from the lane's own loop, before run() ---
    // The task that runs next gets a smaller budget for this turn. (For simulations.)
    void limit_turn(std::uint32_t operations) noexcept {
        errand_ = errand::limit;
        turn_ = operations;
    }

    current_task current;      // the running fiber; null on the OS thread's own stack
    solitude alone;            // whether no other lane of its runtime runs beside it
    lane_number number = bias::stranger;  // for what is biased to it: only if it is born alone
    // What time it was when this was last written: by the lane's loop each time it looks around, and by whatever watches
    // it. For notes that must cost next to nothing.
    atomic<time_point::rep> clock{0};
    bool back_to_loop = false; // set by pick(): the lane's loop must look at the world
    bool lent = false;         // to its current task, which may block the thread (block_in_place)
    bool calls_out = false;    // in a system call of the runtime's own, not of the current fiber
    task_id next_id = 0;       // ids are taken in blocks
    task_id last_id = 0;
    stack_cache stacks;
    block_cache blocks;
    live_table::share live;

  protected:
    ~lane() = default;

  private:
    enum class errand : std::uint8_t { none, park, requeue, recycle, limit };

    [[noreturn]] static void fiber_main(void* from);
    void visit(task& first) noexcept;
    void stay() noexcept;
    bool ready(task& next) noexcept;
    bool give_stack(task& next) noexcept;
    stack* find_stack(task& next) noexcept;
    lane& leave(task& self, task* next) noexcept;
    lane& leave_as_is(task& self, task* next) noexcept;
    lane& leave_with_care(task& self, task* next) noexcept;
    void note_in_own_state(void* state) noexcept;
    void take_off() noexcept;
    task* after_end(waiter* joiner) noexcept;
    lane& serve(stack*& mine, task*& next) noexcept;
    static lane& arrive(void* handed) noexcept;
    void settle() noexcept;
    void settle_park() noexcept;
    void settle_timed_park() noexcept;

    fiber_budget budget_;
    thread_slots slots_;           // of the running code: the thread's, or of its fiber's own thread state
    thread_slots thread_slots_;
    void* thread_state_ = nullptr;  // the thread's own thread pointer
    std::uint64_t entries_ = 0;     // how often a thread has begun to run this lane
    float_control float_control_;
    void* loop_ = nullptr;  // the loop's context while a fiber runs
    stack_bounds loop_bounds_;
    errand errand_ = errand::none;
    task* left_ = nullptr;           // the errand's task
    stack* dead_ = nullptr;          // recycle's stack
    std::uint32_t turn_ = 0;         // limit's operations
    parking parking_{};
    task* stackless_ = nullptr;      // started, but there was no memory for its stack
};

}  // namespace ramie::detail
