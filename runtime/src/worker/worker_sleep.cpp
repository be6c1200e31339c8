// A worker with nothing to do: falling asleep by idle.md's protocol, in the driver or on its futex, and its
// housekeeping before that.
#include "scheduler.hpp"
#include "worker/worker.hpp"

#include <algorithm>
#include <utility>

namespace ramie::detail {

using namespace std::chrono_literals;

void worker::sleep() {
    auto const before = std::chrono::steady_clock::now();
    auto limit = std::min(limit_, housekeeping_limit(before));
    home.idle.list(*this, std::exchange(searching_, false), before);
    if (home.has_work_for(*this) || should_stop()) {
        if (home.idle.unlist(*this)) home.idle.join_search();
        searching_ = true;
        return;
    }
    asleep_.store(true, std::memory_order_relaxed);
    home.worker_is_idle();
    parks.add();
    if (home.in_driver.try_take()) {
        // If a deadline ends this sleep soon after, housekeeping is done then: so a task that ticks once a second costs
        // one wake-up, not two.
        auto const first = home.first_deadline();
        if (limit != limit_ && limit < first && first < limit + 1s) limit = std::min(limit_, first);
        turn_driver(limit);
        home.in_driver.give_back();
        several_ready_ = ring_.size() > 1;
    } else {
        parker_.sleep(limit);
    }
    searching_ = !home.idle.unlist(*this);
    wakes_up();
    auto const now = std::chrono::steady_clock::now();
    note_time(now);
    if (now >= limit) keep_house(now);
    else if (now >= tidy_at_) tidy(now);
    fire_due_timers(now);
}

void worker::wakes_up() noexcept {
    asleep_.store(false, std::memory_order_seq_cst);  // before watchdog.wake() in found_work(): see rest_word.hpp
    unwatched_ = true;
}

void worker::turn_driver(time_point limit) {
    if (!parker_.enter_driver()) return;
    home.watch->turn(home.in_driver.announce(limit, [this] { return home.first_deadline(); }));
    home.in_driver.awake();
    parker_.leave_driver();
}

// Half a second after the last task, a worker gives its hot stacks back; later, whole idle slabs are unmapped. When
// nothing is left to trim there is no limit: an idle process is truly idle.
time_point worker::housekeeping_limit(time_point now) noexcept {
    if (picks_.read() != picks_at_housekeeping_) return now + 500ms;
    return std::min(home.trim_at(), trim_deque_at_);
}

void worker::keep_house(time_point now) noexcept {
    if (picks_at_housekeeping_ != picks_.read()) {
        picks_at_housekeeping_ = picks_.read();
        give_caches_back();
    }
    tidy(now);
}

void worker::give_caches_back() noexcept {
    stacks.flush();
    blocks.flush();
    live.flush();
}

// Twice a second also under load, since a worker that always has a little to do never sleeps for long; in an idle
// process, as long as there is something to give back. Memory that was needed since the last time stays. A worker whose tasks
// only tick is never idle for half a second, and does not need its caches.
void worker::tidy(time_point now) noexcept {
    tidy_at_ = now + 500ms;
    auto const picks = picks_.read();
    if (picks - std::exchange(picks_at_tidying_, picks) < few_picks) give_caches_back();
    if (now >= trim_deque_at_ || trim_deque_at_ == never) trim_deque_at_ = deque_.trim() ? now + stack_decay() : never;
    home.trim(now);
}

}  // namespace ramie::detail
