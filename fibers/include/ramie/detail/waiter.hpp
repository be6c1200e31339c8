// Whoever can wait: a fiber (its task derives from this) or a plain thread (it has one of its own).
#pragma once

#include <ramie/detail/task_state.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ramie::detail {

using time_point = std::chrono::steady_clock::time_point;
inline constexpr time_point never = time_point::max();

// One `timeout` on the waiter's stack. Only its waiter touches it.
struct deadline_scope {
    time_point earliest;          // the earlier of its own deadline and all outer ones
    deadline_scope const* owner;  // whose deadline `earliest` is
    deadline_scope* outer;
};

struct local_value;

class waiter {
  public:
    enum class kind : std::uint8_t { fiber, thread };

    waiter(kind what, task_state::phase p, bool handle) noexcept : state(p, handle), what_(what) {}
    waiter(waiter const&) = delete;
    waiter& operator=(waiter const&) = delete;

    // The running fiber, or this plain thread.
    static waiter& self() noexcept;

    bool is_fiber() const noexcept { return what_ == kind::fiber; }

    // Throws ramie::aborted if this task was asked to stop and nothing masks it.
    void abort_point() {
        if (state.abort_requested()) [[unlikely]] throw_if_aborted();
    }
    // True while neither an abort nor a timeout may throw here: in an abort_shield or while unwinding.
    bool masked() const noexcept;

    task_state state;

  private:
    kind what_;  // here it costs nothing: it would be padding

  public:
    // Only its own fiber or thread touches these five.
    std::uint8_t unhooked = 0;        // hook_off's that live
    std::uint16_t foreign_locks = 0;  // pthread mutexes it holds, as far as libramie-hook was asked to count
    std::uint32_t shields = 0;
    deadline_scope* scopes = nullptr;
    local_value* locals = nullptr;  // see local_value.hpp
    // What it waits for, for dumps and for messages about misuse. Written by the waiter, read by anybody.
    std::atomic<char const*> reason{nullptr};
    std::atomic<void const*> object{nullptr};

  protected:
    ~waiter() = default;

  private:
    void throw_if_aborted();
};

// After claim() said `submit_it`: makes the waiter run again.
void resume(waiter&) noexcept;

// "task 7 "name"" or "a plain thread", for messages.
struct waiter_name {
    char text[96];
};
waiter_name name_of(waiter const&) noexcept;

}  // namespace ramie::detail
