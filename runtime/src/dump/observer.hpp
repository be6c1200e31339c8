// Looks at the tasks of one runtime, each in the way that fits what it does just now.
#pragma once

#include "dump/sighting.hpp"

#include <optional>

namespace ramie::detail {

class scheduler;
class timer_heap;
class worker;

class observer final : private held_questions {
  public:
    // `book`: null: no backtraces.
    observer(scheduler& home, task_watcher& watcher, trace_book* book) : home_(home), watcher_(watcher), book_(book) {}

    // `t` is referenced. Null: it has ended.
    std::optional<sighting> look(task& t);

  private:
    // While a waiter is held.
    void ask(waiter const& held, char const* what, void const* object) noexcept override;
    worker* runner_of(task const& t) const noexcept;
    void look_at_running(task& t, worker& by, sighting& s);
    void note_stack(sighting& s);

    scheduler& home_;
    task_watcher& watcher_;
    trace_book* const book_;
    sighting* seen_ = nullptr;
    // The held task's deadline, if it has one; asked for when it is not held any more, because that takes the heap's
    // lock.
    timer_heap const* timers_ = nullptr;
    std::uint32_t timer_number_ = 0;
};

}  // namespace ramie::detail
