// The task: a spawned callable's state, from spawn to the last handle.
//
// What holds a task (task_state.hpp counts the holders; the last one to let go frees the block)
//   - its life, from spawn until it finished. A run queue's entry of an unstarted task is its life. A joiner that
//     starts the task takes the entry along; an aborter leaves the entry behind, stale, with a reference that is
//     dropped when the entry is popped;
//   - its join_handle;
//   - every abort_handle, and code that found it in the live table and keeps it (dump, shutdown): a reference each.
//   A timer entry holds none: a task disarms its timer before it does anything else after a wait.
//
// Which thread may touch which field, and when
//   state        any thread, by its transitions (task_state.hpp)
//   ops, id, where, home, options     written before submit; read by any thread afterwards
//   next         the owner of the queue the task is in; the claimer, until the task is made runnable
//   stack, context, timer, lane_hint  the task itself while running; the claimer, until the task is made runnable;
//                and the errand that parks it, until park() published it
//   joiner       see join.cpp
//   locals       the spawner before submit; the task while running; the thread that cancels it
//   callable / result (task_frame)    the task while running; after finish, the join_handle; if there is none, the
//                finisher before it finishes
//
// A task has one end (conclude), in this order: body and callable; fiber_locals; a result that no handle can receive,
// or the report of its failure; then it is finished, off the live table, and its end note is told (end_note.hpp); then
// its joiner is woken.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/live_table.hpp>
#include <ramie/detail/wait/waiter.hpp>
#include <ramie/error.hpp>

#include <cstdint>
#include <exception>
#include <source_location>
#include <stop_token>
#include <utility>

namespace ramie::detail {

struct debug_layout;
class lane;
class scheduler;
struct stack;
struct timer_entry;
class task;

// A runtime's hook, shared with failed tasks whose handles may outlive it.
class shared_hook {
  public:
    explicit shared_hook(failure_hook hook) : call_(std::move(hook)) {}
    shared_hook(shared_hook const&) = delete;
    shared_hook& operator=(shared_hook const&) = delete;
    // Made with one reference.
    void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void unref() noexcept {
        // acquire and release: all use of the hook comes before its end.
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    bool is_set() const noexcept { return static_cast<bool>(call_); }
    void operator()(join_error const& e) const { call_(e); }

  private:
    ~shared_hook() = default;
    atomic<std::size_t> references_{1};
    failure_hook const call_;
};

// unwinding: the body is still being left, by pthread_exit (thread_exit.hpp).
enum class result_kind : std::uint8_t { none, value, exception, cancelled, unwinding };

// The functions that depend on the callable and result type. Functions, not virtuals: one pointer in the block, and no
// RTTI of users' types.
struct task_ops {
    void (*run)(task&);              // runs the body once and destroys the callable; stores the value. May throw.
    void (*drop_callable)(task&) noexcept;
    void (*drop_value)(task&) noexcept;
    void (*tell_end)(task&) noexcept;  // null: there is no end_note
    void (*free)(task&) noexcept;      // callable and result are gone already
};

class task : public waiter {
  public:
    task(task_ops const* ops, std::source_location where) noexcept
        : waiter(kind::fiber, task_state::phase::unstarted, true), ops_(ops), where_(where) {}

    // --- references ---
    void ref() noexcept { state.add_ref(); }
    void unref() noexcept {
        if (state.drop_ref() == task_state::release_result::free_it) ops_->free(*this);
    }
    // Called by the handle of a finished task whose result was received: the handle is gone then.
    void release_handle() noexcept {
        if (state.release_handle() == task_state::release_result::free_it) ops_->free(*this);
    }

    // --- life ---
    // Runs the body, stores its result or exception. On its own stack, or on a blocking thread.
    void run() noexcept;
    // For the winner of start(), or after abort() said `cancel_it`: the task never runs; its callable is destroyed
    // here.
    void cancel() noexcept;
    // As cancel, but the result is std::bad_alloc, because there was no memory for a stack.
    void fail_for_memory() noexcept;
    // The result is in place (or was dropped): tells the live table and the joiner; frees the block if it has no
    // holder.
    void finish() noexcept;
    // The same, for the lane it ends on: returns that lane, and the joiner that must now be made runnable, or null.
    struct ending {
        lane* where;
        waiter* to_resume;
    };
    ending finish_on_lane() noexcept { return conclude(); }
    // Abort from outside: marks the task, and resumes or cancels it if needed. The caller holds a reference.
    RAMIE_API void abort();
    // The same without user code: a task that has not started is cancelled by the thread that starts it, and its
    // stop_token is not requested. True: that request is left to be made.
    [[nodiscard]] bool mark_aborted() noexcept;
    void request_stop();
    // The handle goes: a failure that was not received is reported, a value that was not taken is destroyed.
    RAMIE_API void drop_handle() noexcept;
    // The join's error for a task without a value.
    RAMIE_API join_error error() const;
    // Called by the handle: drops the rest of a failure that was received.
    RAMIE_API void forget_failure() noexcept;
    // The task's own stop source, made on first use.
    RAMIE_API std::stop_token stop_token();

    // A job of the blocking pool: never has a stack.
    bool is_job() const noexcept { return runs == body::on_a_blocking_thread; }
    task_id id() const noexcept { return id_; }
    void set_id(task_id id) noexcept { id_ = id; }
    char const* name() const noexcept { return name_ ? name_ : ""; }
    RAMIE_API void set_name(std::string const& name) noexcept;
    std::source_location where() const noexcept { return where_; }

    result_kind kind = result_kind::none;
    bool failure_known = false;     // a scope received its failure: not reported even without a join
    bool pinned = false;            // runs on one worker only
    bool local = false;             // pinned, and its callable is destroyed there too, on every abort (spawn_local)
    enum class body : std::uint8_t { on_a_stack, with_own_thread_state, on_a_blocking_thread };
    body runs = body::on_a_stack;
    static constexpr std::uint8_t of_runtime = 255;
    std::uint8_t stack_class = of_runtime;  // submit fills in the runtime's
    bool joiner_selects = false;    // with the joiner's slot: to be cleared in any case, not only if the joiner left
    bool joiner_served = false;     // the finisher woke the joiner. Written before it clears the slot
    task* next = nullptr;           // links run queues
    scheduler* home = nullptr;      // the runtime it belongs to
    live_table* listed = nullptr;   // the live table it is in, until it finishes
    live_table::slot* slot = nullptr;
    lane* last_lane = nullptr;      // where it runs or ran last (pinned tasks: where it must run)
    struct stack* stack = nullptr;  // bound at first run
    union {
        void* context = nullptr;    // saved registers while not running
        shared_hook* unseen;        // once finished with an exception: a reference
    };
    timer_entry* timer = nullptr;   // the armed deadline of the current wait
    std::exception_ptr failed;      // with result_kind::exception

    // The joiner's slot. Written by the joiner before add_joiner(); the finisher that saw the joiner bit clears it when
    // it is done with the joiner (release; pairs with the acquire of a joiner that left too late).
    atomic<waiter*> joiner{nullptr};
    std::uint64_t joiner_generation = 0;

  protected:
    RAMIE_API ~task();

  private:
    friend struct debug_layout;
    void run_body() noexcept;
    void run_with_own_thread_state() noexcept;
    bool was_stopped_with_others() const noexcept;
    void discard_result(shared_hook const* hook) noexcept;
    void report(shared_hook const& hook) noexcept;
    RAMIE_API ending conclude() noexcept;
    task_state::finish_result conclude_and_tell(bool has_result) noexcept;
    waiter* after(task_state::finish_result end) noexcept;
    void keep_hook() noexcept;

    task_ops const* ops_;
    task_id id_ = 0;
    char* name_ = nullptr;
    std::source_location where_;
    atomic<std::stop_source*> stop_{nullptr};
};

// The two halves of a join, for a select (join.cpp). Shows (self, g) to the finisher; false: `t` has finished already.
// std::logic_error for a task that joins itself, and while another joiner waits.
RAMIE_API bool show_joiner(task& t, waiter& self, std::uint64_t g);
// Takes (self, g) back. True: the finisher has claimed it.
RAMIE_API bool take_back_joiner(task& t) noexcept;

// Waits for the end of `t`; false if `limit` came first. Throws aborted, deadline_passed; logic_error for a task that
// joins itself, and while another joiner waits.
RAMIE_API bool join(task& t, time_point limit = never);

}  // namespace ramie::detail
