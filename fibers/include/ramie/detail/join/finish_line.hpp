// Runners in the order in which they finished: join_set, try_join and race wait on it.
//
// A runner arrives when its task has ended, in whatever way; its task's end note says so. The task that takes a runner
// off the line joins its handle, which sees the end a few instructions later.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <memory>
#include <utility>

namespace ramie::detail {

struct runner : list_hook {
    virtual ~runner() = default;
};

class finish_line {
  public:
    finish_line() = default;
    finish_line(finish_line const&) = delete;
    finish_line& operator=(finish_line const&) = delete;
    RAMIE_API ~finish_line();

    RAMIE_API void arrive(runner& r) noexcept;
    // The first runner that has arrived, or null.
    RAMIE_API runner* try_next() noexcept;
    // Waits for a runner. Suspension point; an abort loses no runner.
    RAMIE_API runner& next();
    // Takes off a runner that is about to be destroyed, wherever it is: its task could not be spawned, and counts as
    // ended by that.
    RAMIE_API void forget(runner& r) noexcept;
    // The line is not looked at any more: arrivals are ignored.
    RAMIE_API void close() noexcept;

    // For select.
    word_lock& lock() noexcept { return lock_; }
    wait_queue& waiters() noexcept { return waiters_; }
    bool has_arrivals() const noexcept { return !arrived_.empty(); }
    RAMIE_API runner* take_locked() noexcept;

  private:
    word_lock lock_;
    intrusive_list<runner> arrived_;
    wait_queue waiters_;
    bool closed_ = false;
};

// A runner's end note. It keeps line and runner alive, so a runner that has its task's handle must release it before
// the line is closed.
class runner_note {
  public:
    runner_note(std::shared_ptr<finish_line> line, std::shared_ptr<runner> r) noexcept
        : line_(std::move(line)), runner_(std::move(r)) {}
    void tell() noexcept {
        auto const line = std::move(line_);
        auto const finished = std::move(runner_);
        line->arrive(*finished);
    }

  private:
    std::shared_ptr<finish_line> line_;
    std::shared_ptr<runner> runner_;
};

}  // namespace ramie::detail
