// The monitor's notes about one worker, from look to look.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ramie::detail {

class worker_watch {
  public:
    enum class doing : std::uint8_t {
        sleeps,  // or is off duty
        lent,    // to a task that asked for it (block_in_place)
        moves,   // it has picked since the last look
        stuck    // it has not picked: all that time it was in one task
    };

    worker_watch() = default;

    // `computed`: the thread's clock; it is read only for a stuck worker.
    template <class ThreadClock>
    doing look(doing seen, std::uint64_t picks, std::chrono::nanoseconds since_last, ThreadClock computed) noexcept {
        // A worker that slept or was lent at the last look has only just begun.
        bool const moved = picks != picks_ || now_ == doing::sleeps || now_ == doing::lent;
        picks_ = picks;
        now_ = seen == doing::stuck && moved ? doing::moves : seen;
        if (now_ == doing::stuck) note_stuck(since_last, computed());
        else *this = worker_watch(picks, now_);
        return now_;
    }

    doing now() const noexcept { return now_; }
    // It has not picked since.
    bool is_where_it_was(std::uint64_t picks) const noexcept { return picks == picks_; }
    // How many looks in a row found it stuck.
    unsigned looks_stuck() const noexcept { return looks_stuck_; }
    std::chrono::nanoseconds stuck_for() const noexcept { return stuck_for_; }
    // Whether the thread is blocked rather than computing: lately it has used less than an eighth of the time. (A
    // thread that waits for a processor on a busy machine looks blocked too; then a spare is one thread too many, but
    // does no other harm.)
    bool is_blocked() const noexcept { return looks_stuck_ > 1 && share_ < one / 8; }
    // For how long a stuck worker's queues wait before others serve them: a blocked worker may not come back at all;
    // one that computes is likely to, and a spare that computes beside it takes its processor.
    static constexpr unsigned looks_if_blocked = 2, looks_if_computing = 8;
    bool is_given_up() const noexcept {
        return looks_stuck_ >= (is_blocked() ? looks_if_blocked : looks_if_computing);
    }

    // The monitor's notes; they last as long as the worker is stuck.
    bool counted = false;   // as a stall
    bool reported = false;

  private:
    static constexpr unsigned one = 1024;

    explicit worker_watch(std::uint64_t picks, doing now) noexcept : picks_(picks), now_(now) {}

    void note_stuck(std::chrono::nanoseconds since_last, std::chrono::nanoseconds computed) noexcept {
        if (looks_stuck_++ > 0) {
            auto const all = std::max<std::int64_t>(since_last.count(), 1);
            auto const used = std::clamp<std::int64_t>((computed - computed_).count(), 0, all);
            auto const recent = static_cast<unsigned>(used * one / all);
            share_ = looks_stuck_ == 2 ? recent : (share_ + recent) / 2;
        }
        stuck_for_ += since_last;
        computed_ = computed;
    }

    std::uint64_t picks_ = 0;
    doing now_ = doing::sleeps;
    unsigned looks_stuck_ = 0;
    unsigned share_ = one;  // the share of time its thread has used lately; the last looks count most
    std::chrono::nanoseconds computed_{}, stuck_for_{};
};

}  // namespace ramie::detail
