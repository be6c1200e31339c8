// The values of fiber_locals: each waiter (task or plain thread) has a list of its own, newest first, so that a scope's
// value hides what it overrides. Most have none, which is a null pointer.
//
//   scoped      the node lies in the frame of fiber_local::scope(), which takes it off
//   otherwise   the node is on the heap, and goes with the task: before its result can be seen (task::finish), on its own
//               stack; for a task that never ran, where it is cancelled. A thread's go when it ends
// Only the waiter itself touches its list; a new task's is filled by its spawner.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
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
local_value* find_local(void const* key) noexcept;
// Makes it the current one of whoever runs, whom it returns.
waiter& add_local(local_value&) noexcept;
// Takes off a value that is on that list.
void remove_local(waiter& of, local_value&) noexcept;
// Destroys them all, newest first, and those that their destructors make anew; then does what is to be done at the end
// (end_action.hpp).
void destroy_locals(waiter& of) noexcept;
// Under this key lies what is to be done.
extern char const end_key;

// Whether any value that is inherited was ever set in this process. relaxed: who has one, set it or got it from one who
// did.
extern atomic<bool> locals_are_inherited;

// What a task spawned from here starts with.
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
    void copy_all();
    void free_all() noexcept;
    local_value* first_ = nullptr;
};

// A job of the blocking pool begins on this thread: while it runs, its values are its thread's, for there it looks for
// them. (Between jobs a pool's thread has none.)
void take_over_locals(waiter& job) noexcept;

}  // namespace ramie::detail
