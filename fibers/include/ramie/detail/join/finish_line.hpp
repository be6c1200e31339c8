// Who has finished, in that order: what join_set, try_join and race wait on.
//
// A runner arrives when its task has ended, however that came about; its task's end note says so. Who takes it off the
// line joins its handle, which sees the end a few instructions later.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
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
    ~finish_line();

    void arrive(runner& r) noexcept;
    // The first who is here, or null.
    runner* try_next() noexcept;
    // Waits for one. Suspension point; who arrives is not lost to an abort.
    runner& next();
    // Takes a runner off that is about to go, wherever it is: its task could not be spawned, and has ended by that.
    void forget(runner& r) noexcept;
    // Nobody looks any more: arrivals are ignored.
    void close() noexcept;

    // For select.
    word_lock& lock() noexcept { return lock_; }
    wait_queue& waiters() noexcept { return waiters_; }
    bool somebody_is_here() const noexcept { return !arrived_.empty(); }
    runner* take_locked() noexcept;

  private:
    word_lock lock_;
    intrusive_list<runner> arrived_;
    wait_queue waiters_;
    bool closed_ = false;
};

// A runner's end note. It keeps both, so a runner that has its task's handle must let it go before the line is closed.
class runner_note {
  public:
    runner_note(std::shared_ptr<finish_line> line, std::shared_ptr<runner> r) noexcept
        : line_(std::move(line)), runner_(std::move(r)) {}
    void tell() noexcept {
        auto const line = std::move(line_);
        auto const who = std::move(runner_);
        line->arrive(*who);
    }

  private:
    std::shared_ptr<finish_line> line_;
    std::shared_ptr<runner> runner_;
};

}  // namespace ramie::detail
