// Who has finished, in that order: what join_set, try_join and race wait on.
//
// A runner's token is destroyed with the task's callable, however that comes about: the body ended, or the task was
// aborted before it started. So each runner arrives exactly once. The task itself finishes a moment later; who takes a
// runner off the line joins its handle and may wait that moment.
#pragma once

#include <ramie/detail/park.hpp>
#include <ramie/detail/wait_queue.hpp>
#include <ramie/detail/word_lock.hpp>

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

// A captured part of a runner's callable: its destructor is the arrival.
class runner_token {
  public:
    runner_token(std::shared_ptr<finish_line> line, std::shared_ptr<runner> r) noexcept
        : line_(std::move(line)), runner_(std::move(r)) {}
    runner_token(runner_token&&) noexcept = default;
    runner_token& operator=(runner_token&&) = delete;
    ~runner_token() {
        if (runner_) line_->arrive(*runner_);
    }

  private:
    std::shared_ptr<finish_line> line_;
    std::shared_ptr<runner> runner_;
};

}  // namespace ramie::detail
