// Watches for workers that are stuck in one task while work waits.
//
// A thread of its own looks at all workers every stall_threshold. Its terms, here and in idle.md:
//
//   a worker    sleeps     on its futex, in the driver, or is a spare off duty
//               is lent    to a task that said so (block_in_place)
//               moves      it has picked since the last look
//               is stuck   none of these. Blocked, if its thread hardly computes; else it computes (worker_watch.hpp)
//   waits       a task in the injection queue; a deadline that is due; a task in the deque or ring of a worker that is
//               stuck or lent; and an empty driver, where readiness may wait
//   is free     a worker that sleeps; one that moves, because it looks into the injection queue, at all deadlines and
//               into the driver every now and then; a spare on its way
//
// Each look:
//   1. Tasks that only a stuck worker itself would take go where all workers look: its next-slot's task into the
//      injection queue at once, its pinned tasks that have not started to another worker. Once it is known to be
//      blocked, tasks that its task wakes and spawns go to the injection queue.
//   2. Something waits, and
//      a. a worker sleeps: it is woken, even if other workers count as searching.
//      b. none sleeps, but one moves or comes: some of the tasks in the deques and rings of stuck workers go to the
//      injection
//         queue, because a worker with work of its own does not steal.
//      c. no worker is free: the rule (rescue_rule.hpp) says how many spares are to come.
//   3. When no worker is free for long, or pinned tasks wait for a stuck worker for long, the tasks in the way are
//      named on stderr.
//   4. If all workers sleep or are lent, the monitor rests until a worker that has slept runs something again (wake).
//      If others are stuck, but blocked, and nothing waits, and a worker sleeps in the driver, it looks less and less
//      often: a post of a stuck worker's task wakes the sleeper, and that wakes the monitor. So it costs an idle
//      process nothing, and a process that ticks once a second one or two wake-ups a second.
//
// Why no task waits for ever: every kind of waiting work is found by some look (step 2), as long as the monitor looks.
// It rests only when no task runs outside of a loan; a worker that runs a task after that wakes it. At each look with
// waiting work either a worker sleeps and is woken, or a worker moves, or all are stuck or lent; then a spare comes,
// until max_blocking_threads are at work.
//
// Where there may be no spares (a current_thread runtime), only step 3 is done, and stalls are counted.
#pragma once

#include "standins/rescue_rule.hpp"
#include "standins/rest_word.hpp"
#include "standins/worker_watch.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/switch/plain_thread.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace ramie::detail {

class scheduler;
class worker;

class monitor {
  public:
    explicit monitor(scheduler& home);
    ~monitor() { stop(); }

    void start();
    void stop() noexcept;
    // A worker that has slept, or was lent, or was given up by the monitor, runs a task now.
    void wake() noexcept { rest_.wake(); }
    std::uint64_t stalls() const noexcept { return stalls_.load(std::memory_order_relaxed); }

  private:
    using clock = std::chrono::steady_clock;
    enum class mood : std::uint8_t { alert, calm, idle };
    struct sight;

    static constexpr unsigned looks_until_report = 100, longest_pause = 64, rest_to_be_long = 32;
    static constexpr std::size_t window = 64;  // stuck workers' tasks that lie in the injection queue

    void watch();
    mood look();
    mood after(sight const& s);
    sight see(std::chrono::nanoseconds since_last);
    void attend_stuck(worker& w, worker_watch& watched);
    void hand_on(sight const& s);
    void relocate();
    void report(sight const& s);
    bool none_moves() const noexcept;
    bool may_rescue() const noexcept;

    scheduler& home_;
    plain_thread thread_;
    rest_word rest_;
    atomic<std::uint64_t> stalls_{0};

    // Only for the monitor's thread:
    std::vector<worker_watch> watches_;
    rescue_rule rule_;
    clock::time_point last_look_{}, may_rest_from_{}, unserved_since_{};
    unsigned pauses_ = 1;           // how many stall_thresholds until the next look, while it is calm
    unsigned looks_unserved_ = 0;   // in a row, with waiting work, no free worker and none to come
    unsigned looks_crowded_ = 0;    // in a row, with more spares than wanted
};

}  // namespace ramie::detail
