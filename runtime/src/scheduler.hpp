// What the workers of one runtime share, and how it begins and ends.
//
// The end, step by step (shut_down; scheduler_end.cpp). The thread that does it runs no user code: that might wait, for
// the time that is limited here or, in a current_thread runtime, for this very thread.
//   1. closing: spawns from outside throw, spawns from inside are born cancelled
//   2. every live task is marked as aborted, once: parked ones unwind, running ones notice at their next abort point,
//      unstarted ones (and queued blocking jobs) are cancelled by the thread that takes them from their queue. A spawn
//      that lists a task after that has seen step 1
//   3. stop_tokens are requested, elsewhere (stop_requests.hpp)
//   4. wait until all have ended, or the time is up. Workers with nothing left to do say so
//   5. no task left: stopping; all workers are unparked and their threads joined, then the blocking pool's; the last
//      runtime that wants dumps printed ends the thread for that (dump_watch.hpp)
//   6. tasks left: shut_down returns their names; the destructor prints them and ends the process, because a fiber
//      cannot be destroyed by force
#pragma once

#include "blocking/blocking_pools.hpp"
#include "carrier.hpp"
#include "ending.hpp"
#include "queues/inject_queue.hpp"
#include "settings/options.hpp"
#include "sleep/driver_seat.hpp"
#include "sleep/idle.hpp"
#include "standins/monitor.hpp"
#include "standins/spare_crew.hpp"
#include "stop_requests.hpp"
#include "worker/crew.hpp"

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/sleep/driver.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>
#include <ramie/runtime_metrics.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ramie::detail {

class scheduler final : public live_table::end_listener, public std::enable_shared_from_this<scheduler> {
  public:
    explicit scheduler(settings options, std::unique_ptr<home_process::runtime_presence> here =
                                             std::make_unique<home_process::runtime_presence>());
    // shut_down has succeeded before.
    ~scheduler();

    // --- tasks ---
    // Each takes a new task, born cancelled if the runtime is closing. std::bad_alloc: it was cancelled for want of memory.
    void submit(task& t);
    // One that stays on the calling worker.
    void submit_local(task& t);
    // A blocking job; throws std::system_error if no thread can be had at all.
    void submit_blocking(task& t, blocking_share share);
    void resume(task& t) noexcept;
    bool is_closing() const noexcept { return ending_.has_begun(); }

    // --- workers ---
    // True: a sleeper was woken.
    bool wake_one() noexcept {
        auto* const w = idle.wake_for_work();
        if (w != nullptr) w->unpark();
        return w != nullptr;
    }
    void wake_for_stuck() noexcept {
        if (auto* const w = idle.wake_in_any_case()) w->unpark();
    }
    bool has_work_for(worker const& w) const noexcept;
    // What waits in the own queue of `from`, which is stuck or lent, goes elsewhere if it may.
    void move_pinned(worker& from) noexcept;
    time_point first_deadline() const noexcept;
    // A deadline was armed that may be earlier than the one the driver sleeps for.
    void deadline_armed(time_point until) noexcept {
        if (in_driver.sleeps_beyond(until)) watch->interrupt();
    }
    std::uint32_t fair_share() const noexcept;
    bool migrates_by_force() const noexcept { return migrates_; }
    worker& add_spare();
    time_point trim_at() const noexcept { return time_point(time_point::duration(trim_at_.load(std::memory_order_relaxed))); }
    void trim(time_point now) noexcept;

    // --- the end ---
    // The survivors' names; empty: the runtime is down. May be called again.
    std::vector<std::string> shut_down(time_point until);
    // Something that step 4 waits for may be over. Any thread.
    void something_ended() noexcept override;
    // A worker has nothing left to do: the last of what it ran has ended.
    void worker_is_idle() noexcept {
        if (is_closing()) [[unlikely]] something_ended();
    }
    // Runs worker 0 on the calling thread (a current_thread runtime), which has claimed it.
    void run_here(std::function<bool()> const& done, time_point until = never);
    // Worker 0 is the calling thread's until release_here(). std::logic_error if another thread has it.
    void claim_here();
    void release_here() noexcept { claimed_here_.clear(std::memory_order_release); }  // pairs with the acquire of the next

    // --- a simulation (stage.hpp) ---
    bool is_simulated() const noexcept { return options.simulated != nullptr; }
    void explain_deadlock(stage& on);

    runtime_metrics metrics() const;

    std::unique_ptr<home_process::runtime_presence> const presence;
    settings const options;
    struct drop_reference {
        void operator()(shared_hook* hook) const noexcept { hook->unref(); }
    };
    std::unique_ptr<shared_hook, drop_reference> const unseen_failure;
    std::unique_ptr<driver> const watch;
    crew workers;
    idle_set idle;
    live_table live;
    inject_queue injected;
    spare_crew spares;
    monitor watchdog;
    driver_seat in_driver;
    atomic<bool> stopping{false};
    struct {
        bool is_user = false, listens = false, looks = false;
    } in_dump_watch;  // of dump_watch.cpp, under its lock

  private:
    void list(task& t);
    void submit_with_care(task& t);
    void resume_with_care(task& t) noexcept;
    worker* place_for_pinned() noexcept;
    void post_to(worker& w, task& t) noexcept;
    ending* unless_here() noexcept;
    void refuse(task& t) noexcept;
    void spawn_on_stage(task& t) noexcept;
    void wake_on_stage(task& t) noexcept;
    void post_on_stage(task& t) noexcept;
    void refuse_foreign_thread(task const& t) noexcept;
    void submit_job_on_stage(task& t, blocking_share share);
    bool is_over() const noexcept;
    // False: the time is up and some are left.
    [[nodiscard]] bool wait_for_tasks(time_point until);
    std::vector<std::string> survivors();
    enum class start : std::uint32_t { not_yet, run, leave };
    void tell_workers(start) noexcept;
    time_point trim_timers(time_point now) noexcept;
    void stop_workers() noexcept;

    bool const migrates_ = options.force_migration && options.workers > 1;
    atomic<start> start_{start::not_yet};
    ending ending_;
    atomic<std::uint32_t> next_pinned_{0};
    plain_mutex trimming_;  // of the two below
    time_point timers_at_{};
    bool more_timers_ = false;
    atomic<time_point::rep> trim_at_{never.time_since_epoch().count()};
    atomic_flag claimed_here_;
    blocking_pools blocking_;
    stop_requests stops_;
    std::vector<std::jthread> threads_;
};

inline bool worker::takes(task const& t) const noexcept {
    return posts_for.load(std::memory_order_relaxed) == t.home && !t.pinned && !home.migrates_by_force();
}

inline void scheduler::resume(task& t) noexcept {
    auto* const here = this_worker();
    if (here != nullptr && here->takes(t)) [[likely]] here->post_woken(t);
    else resume_with_care(t);
}

// A block of task ids, for a lane or for the foreign threads.
task_id take_ids(task_id count) noexcept;

}  // namespace ramie::detail
