// One look at a task from outside: what it does, what it waits for, and a copy of its stack.
//
//   a task that       is looked at
//   has not started   as it is: it has no stack
//   waits             held (wait/task_state.hpp): all of it is of one moment
//   runs              by its thread, which is asked (thread_question.hpp): by the caller, who knows the lanes
//   is ready          without holding it: a run queue gives it to its lane without a word that a walker could hold. So
//   its stack
//                     is copied twice; if the copies differ, or it has begun to run, there is no trace of it this time.
//                     What was copied in the middle of a change can lead a walk astray, but not out of the copy
//
// A plain thread that waits is looked at like a task that waits; its stack is its own.
#pragma once

#include <ramie/detail/sight/thread_question.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/task/task.hpp>

namespace ramie::detail {

// What is asked of the world while a waiter is held: no lock, no memory, no wait (task_state.hpp).
class held_questions {
  public:
    virtual void ask(waiter const& held, char const* what, void const* object) noexcept = 0;

  protected:
    ~held_questions() = default;
};

// Holds a waiter that is parked, until the end of the block.
class held_waiter {
  public:
    explicit held_waiter(waiter& w) noexcept : state_(w.state), held_(state_.hold()) {}
    held_waiter(held_waiter const&) = delete;
    held_waiter& operator=(held_waiter const&) = delete;
    ~held_waiter() {
        if (held_) state_.let_go();
    }
    explicit operator bool() const noexcept { return held_; }

  private:
    task_state& state_;
    bool const held_;
};

struct wait_sight {
    char const* what = nullptr;  // null: not known
    void const* object = nullptr;
    time_point since{};  // the epoch: not known
    std::uint64_t generation = 0;
    bool for_lock = false;
    waiter const* holder = nullptr;  // of the lock. Only to be compared: it may be gone

    // Of a held waiter.
    static wait_sight of(waiter const& held, held_questions& world) noexcept;
    // That wait goes on.
    bool goes_on(waiter& w) const noexcept;
};

struct task_sight {
    enum class doing : std::uint8_t { has_not_started, is_ready, runs, waits, has_ended };

    doing now = doing::has_ended;
    bool has_copy = false;
    wait_sight wait;
    lane const* last = nullptr;  // where it runs or ran last; null: not known
    stack_use stack;
};

class task_watcher {
  public:
    // `t` is referenced; none of its runtime's lanes ran it a moment ago.
    task_sight look(task& t, held_questions& world);
    // The last look's, if it has one; or for the answer of a thread.
    stack_copy& copy() noexcept { return copy_; }

  private:
    void look_at_waiting(task const& held, task_sight& seen, held_questions& world) noexcept;
    void look_at_ready(task const& t, task_sight& seen) noexcept;

    stack_copy copy_, again_;
};

}  // namespace ramie::detail
