#include "scheduler.hpp"

#include "carrier.hpp"
#include "start.hpp"
#include "worker/thread_name.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/simulation/stage.hpp>

#include <algorithm>
#include <pthread.h>

namespace ramie::detail {

task_id take_ids(task_id count) noexcept {
    static atomic<task_id> last{0};
    return last.fetch_add(count, std::memory_order_relaxed);
}

namespace {
unsigned most_spares(settings const& o) noexcept { return o.current_thread ? 0 : o.max_blocking_threads; }
}  // namespace

scheduler::scheduler(settings chosen, std::unique_ptr<home_process::runtime_presence> here)
    : presence(std::move(here)),
      options(std::move(chosen)),
      unseen_failure(new shared_hook(options.on_task_failure)),
      watch(options.simulated != nullptr ? make_simulated_driver(*options.simulated) : make_driver()),
      workers(options.workers + most_spares(options)),
      idle(options.workers, options.workers + most_spares(options)),
      spares(*this, most_spares(options)),
      watchdog(*this),
      blocking_(*this, options.max_blocking_threads, options.workers),
      stops_(*this) {
    install_overflow_handler();
    for (unsigned i = 0; i < options.workers; ++i)
        workers.add(std::make_unique<worker>(*this, i, options.workers == 1));
    if (options.current_thread) {
        if (options.watched) watchdog.start();
        if (is_simulated()) workers[0].enter_stage();
        return;
    }
    try {
        for (auto& w : workers) {
            threads_.emplace_back([this, &w = *w] {
                start_.wait(start::not_yet, std::memory_order_acquire);  // pairs with the release in tell_workers()
                if (start_.load(std::memory_order_relaxed) == start::run) w.run();
            });
            auto const name = thread_name(options.thread_name, std::string("-").append(std::to_string(w->index)));
            ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
        }
        watchdog.start();
        refuse_too_small_address_space(options.workers);
        tell_workers(start::run);
    } catch (...) {
        tell_workers(start::leave);
        stop_workers();
        throw;
    }
}

scheduler::~scheduler() = default;

// Not before all threads are there: what one allocates may take address space that the next one's stack needs (glibc's malloc
// reserves 64 MiB for each).
void scheduler::tell_workers(start s) noexcept {
    start_.store(s, std::memory_order_release);
    start_.notify_all();
}

// --- tasks ---

void scheduler::list(task& t) {
    t.home = this;
    auto* const here = this_worker();
    try {
        if (here != nullptr && &here->home == this) return here->list_here(t);
        t.set_id(take_ids(1) + 1);
        live.add(t);
    } catch (std::bad_alloc const&) {
        refuse(t);
        throw;
    }
}

// For a foreign_post: null on one of its own workers.
ending* scheduler::unless_here() noexcept {
    auto const* const here = this_worker();
    return here != nullptr && &here->home == this ? nullptr : &ending_;
}

void scheduler::submit(task& t) {
    if (t.stack_class == task::of_runtime) t.stack_class = options.stack_class;
    auto* const here = this_worker();
    bool const ours = here != nullptr && here->posts_for.load(std::memory_order_relaxed) == this;
    if (!ours || t.pinned) [[unlikely]] return submit_with_care(t);
    t.home = this;
    try {
        here->list_here(t);
    } catch (std::bad_alloc const&) {
        refuse(t);
        throw;
    }
    if (ending_.came_too_late()) [[unlikely]] return refuse(t);
    here->post_spawned(t);
}

// Born cancelled.
void scheduler::refuse(task& t) noexcept {
    if (t.state.start() == task_state::start_result::run_it) t.cancel();
    else t.unref();
}

void scheduler::submit_with_care(task& t) {
    ending::foreign_post const until_done(unless_here());
    list(t);
    if (ending_.came_too_late()) {
        refuse(t);
    } else if (is_simulated()) {
        spawn_on_stage(t);
    } else if (t.pinned) {
        auto* const free = place_for_pinned();
        auto& where = free != nullptr ? *free : workers[next_pinned_.load(std::memory_order_relaxed) % options.workers];
        t.last_lane = &where;
        post_to(where, t);
    } else {
        injected.push(t);
        wake_one();
    }
}

void scheduler::submit_local(task& t) {
    t.pinned = t.local = true;
    if (t.stack_class == task::of_runtime) t.stack_class = options.stack_class;
    list(t);
    auto& here = *this_worker();
    t.last_lane = &here;
    if (ending_.came_too_late()) (void)t.mark_aborted();  // it is cancelled when its turn comes
    if (is_simulated()) options.simulated->spawned(t, "spawned to stay here");
    here.queue_own(t);
}

void scheduler::submit_blocking(task& t, blocking_share share) {
    if (is_simulated()) [[unlikely]] return submit_job_on_stage(t, share);
    ending::foreign_post const until_done(unless_here());
    t.runs = task::body::on_a_blocking_thread;
    list(t);
    if (ending_.came_too_late()) return refuse(t);
    blocking_.of(share).push(t);
}

void scheduler::resume_with_care(task& t) noexcept {
    if (!home_process::is_here()) return;  // a child's copy of a task never runs
    if (is_simulated()) return wake_on_stage(t);
    ending::foreign_post const until_done(unless_here());
    auto* const last = static_cast<worker*>(t.last_lane);
    if (t.pinned) return last->post_own(t);
    if (migrates_) return post_to(workers[(last->index + 1) % options.workers], t);
    injected.push(t);
    wake_one();
}

// Where a new pinned task does not wait for a task that has the worker to itself; null: there is no such worker.
worker* scheduler::place_for_pinned() noexcept {
    auto const first = next_pinned_.fetch_add(1, std::memory_order_relaxed);
    for (unsigned i = 0; i < options.workers; ++i) {
        auto& w = workers[(first + i) % options.workers];
        if (!w.is_lent() && !w.is_stuck()) return &w;
    }
    return nullptr;
}

// Either this sees that the worker was lent, or the lending worker sees the task in its queue (worker::lend). The monitor
// looks after those that get stuck.
void scheduler::post_to(worker& w, task& t) noexcept {
    w.post_own(t);
    if (w.is_lent()) move_pinned(w);
}

void scheduler::move_pinned(worker& from) noexcept {
    auto* to = place_for_pinned();
    auto leaving = from.give_movable(to != nullptr);
    while (auto* const t = leaving.take()) {
        if (!t->pinned) {
            injected.push(*t);
            wake_one();
            continue;
        }
        t->last_lane = to;
        post_to(*to, *t);
        if (auto* const next = place_for_pinned()) to = next;
    }
}

// --- workers ---

worker& scheduler::add_spare() {
    return workers.add(std::make_unique<worker>(*this, static_cast<unsigned>(workers.size()), false, true));
}

bool scheduler::has_work_for(worker const& w) const noexcept {
    if (w.has_own() || w.has_next() || injected.size() > 0) return true;
    return std::any_of(workers.begin(), workers.end(), [](auto const& other) { return other->has_stealable(); });
}

time_point scheduler::first_deadline() const noexcept {
    auto first = never;
    for (auto const& w : workers) first = std::min(first, std::as_const(*w).timers().first());
    return first;
}

std::uint32_t scheduler::fair_share() const noexcept {
    auto const waiting = injected.size();
    return std::min<std::uint32_t>(waiting / options.workers + 1, run_ring::capacity / 2);
}

// Under trimming_.
time_point scheduler::trim_timers(time_point now) noexcept {
    if (now >= timers_at_) {
        timers_at_ = now + stack_decay();
        more_timers_ = false;
        for (auto& w : workers) more_timers_ |= w->timers().trim();
    }
    return more_timers_ ? timers_at_ : never;
}

void scheduler::trim(time_point now) noexcept {
    std::unique_lock const alone(trimming_, std::try_to_lock);
    if (!alone.owns_lock()) return;  // another thread is at it
    auto const decay = stack_decay();
    auto const next = std::min({trim_stacks(now), trim_blocks(now, decay), live.trim(now, decay), trim_timers(now)});
    trim_at_.store(next.time_since_epoch().count(), std::memory_order_relaxed);
    if (next != never) deadline_armed(next);  // the sleeper in the driver takes it into account
}

runtime_metrics scheduler::metrics() const {
    runtime_metrics m;
    m.workers = options.workers;
    m.spare_workers = spares.active();
    m.live_tasks = live.size();
    m.injected = injected.size();
    for (auto const& w : workers) {
        m.picks += w->picks();
        m.steals += w->steals.read();
        m.worker_sleeps += w->parks.read();
        m.yields += w->yields.read();
        m.queued += w->queued();
    }
    m.stalls = watchdog.stalls();
    blocking_.add_to(m);
    return m;
}

}  // namespace ramie::detail
