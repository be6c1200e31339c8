// A waiter: a fiber (its task derives from this) or a plain thread (which has one of its own).
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/task_state.hpp>

#include <chrono>
#include <cstdint>
#include <exception>

namespace ramie::detail {

using time_point = std::chrono::steady_clock::time_point;
inline constexpr time_point never = time_point::max();

// One `timeout` on the waiter's stack. Only its waiter touches it.
//
// A mask (an abort_shield, or an exception that unwinds) holds off only scopes that are older than itself. So a scope
// remembers how deep in masks it was opened: its deadline may be thrown where the waiter is no deeper than that. An
// abort counts as a scope that was opened before the task began, outside all masks.
struct RAMIE_API deadline_scope {
    time_point until;
    std::uint32_t shields;     // the waiter's at the opening
    std::uint32_t exceptions;  // the uncaught ones at the opening
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
    RAMIE_API static waiter& self() noexcept;
    // The same, at the entry of an operation that may wait: an abort point that spends from the budget (budget.hpp).
    // With an empty budget others run first, and then an enclosing timeout that has passed throws, too.
    RAMIE_API static waiter& enter(std::uint32_t cost = 1);

    bool is_fiber() const noexcept { return what_ == kind::fiber; }

    // Throws ramie::aborted if this task was asked to stop and no mask holds that off.
    void abort_point() {
        if (state.abort_requested()) [[unlikely]] throw_if_aborted();
    }
    // True while an abort may not throw here: in an abort_shield or while unwinding.
    bool masked() const noexcept;
    // The scope whose deadline comes first and may be thrown here, if that is before `limit`, which it then replaces;
    // else null. `exceptions`: the number of uncaught ones.
    deadline_scope const* next_deadline(std::uint32_t exceptions, time_point& limit) const noexcept {
        deadline_scope const* first = nullptr;
        for (auto const* s = scopes; s != nullptr; s = s->outer) {  // of two with one deadline, the inner one
            if (s->until < limit && shields <= s->shields && exceptions <= s->exceptions) limit = s->until, first = s;
        }
        return first;
    }
    // Throws aborted as abort_point() does, or else deadline_passed for an enclosing timeout that has passed.
    void end_point() {
        if (state.abort_requested()) [[unlikely]] throw_if_aborted();
        if (scopes != nullptr) [[unlikely]] throw_if_late();
    }

    // Added to `shields`; see stop_request.hpp.
    static constexpr std::uint32_t stop_mark = 1u << 24;
    bool runs_stop_callbacks() const noexcept { return shields >= stop_mark; }

    task_state state;

  private:
    kind what_;  // placed here it costs nothing: it would be padding

  public:
    // Only its own fiber or thread touches these five.
    std::uint8_t unhooked = 0;        // number of living hook_off objects
    std::uint16_t foreign_locks = 0;  // pthread locks it holds that libramie-hook takes note of (stay.hpp)
    std::uint32_t shields = 0;        // living abort_shields; in the upper bits, stop_callbacks that run
    deadline_scope* scopes = nullptr;
    local_value* locals = nullptr;  // see local_value.hpp
    // What it waits for, for dumps and for messages about misuse. While it runs: null, or what it was refused and how
    // often (refusal.hpp). Written by the waiter, read by any thread.
    atomic<char const*> reason{nullptr};
    atomic<void const*> object{nullptr};
    // When its last wait began, by its lane's clock, which is some milliseconds slow (lane::clock); 0: not known.
    atomic<time_point::rep> since{0};

  protected:
    ~waiter() = default;

  private:
    [[gnu::cold, gnu::noinline]] RAMIE_API void throw_if_aborted();
    [[gnu::cold, gnu::noinline]] RAMIE_API void throw_if_late();
};

// Those of the calling fiber or thread.
inline std::uint32_t uncaught_exceptions() noexcept { return static_cast<std::uint32_t>(std::uncaught_exceptions()); }

// Whether the event that `self` waits for may happen while it spins: it is a plain thread, or its runtime has other
// workers.
bool others_run_beside(waiter const& self) noexcept;

// Called after claim() said `submit_it`: makes the waiter run again.
RAMIE_API void resume(waiter&) noexcept;

// "task 7 "name"" or "a plain thread", for messages.
struct waiter_name {
    char text[96];
};
waiter_name name_of(waiter const&) noexcept;

}  // namespace ramie::detail
