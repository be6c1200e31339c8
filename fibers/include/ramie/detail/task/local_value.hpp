// The values of fiber_locals: each waiter (task or plain thread) has a list of its own, newest first, so that a scope's
// value hides what it overrides. Most have none, which is a null pointer.
//
//   scoped      the node lies in the frame of fiber_local::scope(), which takes it off
//   otherwise   the node is on the heap, and is destroyed with the task: before its result can be seen (task::finish),
//               on its own stack; for a task that never ran, where it is cancelled. A thread's nodes are destroyed when
//               it ends
// Only the waiter itself touches its list; the spawner fills a new task's list.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <utility>

namespace ramie::detail {

struct local_value {
    void const* key = nullptr;                                 // the fiber_local
    local_value* next = nullptr;
    void (*destroy)(local_value&) noexcept = nullptr;          // frees it; null: scoped
    local_value* (*copy)(local_value const&) = nullptr;        // for a child; null: not inherited
};

template <class T>
struct local_of : local_value {
    template <class Make>
    explicit local_of(Make&& make) : value(make()) {}
    T value;
};

// The running fiber's or this thread's value of that fiber_local, or null.
RAMIE_API local_value* find_local(void const* key) noexcept;
// Makes it the current value of the running fiber or thread, and returns that waiter.
RAMIE_API waiter& add_local(local_value&) noexcept;
// Takes off a value that is on that list.
RAMIE_API void remove_local(waiter& of, local_value&) noexcept;
// Destroys all of them, newest first, and those that their destructors make; then does the actions at the end
// (end_action.hpp).
void destroy_locals(waiter& of) noexcept;
// The actions lie under this key.
RAMIE_API extern char const end_key;

// Whether an inherited value was ever set in this process. relaxed: a task with such a value has set it, or got it from
// a task that did.
RAMIE_API extern atomic<bool> locals_are_inherited;

// The values with which a task spawned from here starts.
class inherited_locals {
  public:
    inherited_locals() {
        if (locals_are_inherited.load(std::memory_order_relaxed)) [[unlikely]] copy_all();
    }
    inherited_locals(inherited_locals const&) = delete;
    inherited_locals& operator=(inherited_locals const&) = delete;
    ~inherited_locals() {
        if (first_ != nullptr) [[unlikely]] free_all();
    }
    void give_to(waiter& child) noexcept {
        if (first_ != nullptr) [[unlikely]] child.locals = std::exchange(first_, nullptr);
    }

  private:
    RAMIE_API void copy_all();
    RAMIE_API void free_all() noexcept;
    local_value* first_ = nullptr;
};

// A job of the blocking pool begins on this thread: while it runs, its values are its thread's, because look-ups on
// this thread find those. (Between jobs a pool thread has none.)
void take_over_locals(waiter& job) noexcept;

}  // namespace ramie::detail
