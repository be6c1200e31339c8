#include "scheduler.hpp"

#include "carrier.hpp"

#include <ramie/detail/futex.hpp>
#include <ramie/runtime.hpp>

#include <algorithm>
#include <cstdio>
#include <pthread.h>
#include <stdexcept>

namespace ramie::detail {

task_id take_ids(task_id count) noexcept {
    static std::atomic<task_id> last{0};
    return last.fetch_add(count, std::memory_order_relaxed);
}

namespace {
unsigned most_spares(settings const& o) noexcept { return o.current_thread ? 0 : std::min(o.max_blocking_threads, 512u); }
}  // namespace

scheduler::scheduler(settings chosen)
    : options(std::move(chosen)),
      unseen_failure(std::make_shared<failure_hook const>(options.on_task_failure)),
      watch(make_driver()),
      workers(options.workers + most_spares(options)),
      idle(options.workers, options.workers + most_spares(options)),
      watchdog(*this),
      spares(*this, most_spares(options)),
      blocking_(*this, options.max_blocking_threads) {
    install_overflow_handler();
    for (unsigned i = 0; i < options.workers; ++i)
        workers.add(std::make_unique<worker>(*this, i, options.workers == 1));
    if (options.current_thread) return;
    try {
        for (auto& w : workers) {
            threads_.emplace_back([&w = *w] { w.run(); });
            auto const name = options.thread_name + "-" + std::to_string(w->index);
            ::pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
        }
        if (options.workers > 1) watchdog.start();
    } catch (...) {
        stop_workers();
        throw;
    }
}

scheduler::~scheduler() = default;

// --- tasks ---

void scheduler::list(task& t) noexcept {
    t.home = this;
    auto* const here = this_worker();
    if (here != nullptr && &here->home == this) return here->list_here(t);
    t.set_id(take_ids(1) + 1);
    live.add(t);
}

// A foreign thread is between making a task runnable and its last touch of this object: the runtime's end waits for it.
class scheduler::foreign_post {
  public:
    foreign_post(scheduler& s, worker const* poster) noexcept : s_(poster != nullptr && &poster->home == &s ? nullptr : &s) {
        if (s_ != nullptr) s_->foreign_posts_.fetch_add(1, std::memory_order_relaxed);
    }
    foreign_post(foreign_post const&) = delete;
    foreign_post& operator=(foreign_post const&) = delete;
    // release pairs with the acquire in stop_workers().
    ~foreign_post() {
        if (s_ != nullptr) s_->foreign_posts_.fetch_sub(1, std::memory_order_release);
    }

  private:
    scheduler* s_;
};

void scheduler::submit(task& t) noexcept {
    if (t.stack_class == task::of_runtime) t.stack_class = options.stack_class;
    auto* const here = this_worker();
    if (here == nullptr || here->posts_for != this || t.pinned || is_closing()) [[unlikely]] return submit_with_care(t);
    t.home = this;
    here->list_here(t);
    here->post_spawned(t);
}

void scheduler::submit_with_care(task& t) noexcept {
    foreign_post const until_done(*this, this_worker());
    list(t);
    // Pairs with the seq_cst store in shut_down(), which counts the tasks after it: either that counts this one, or this
    // sees that the runtime is closing.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (is_closing()) {
        if (t.state.start() == task_state::start_result::run_it) t.cancel();
        else t.unref();
    } else if (t.pinned) {
        auto& where = workers[next_pinned_.fetch_add(1, std::memory_order_relaxed) % options.workers];
        t.last_lane = &where;
        where.post_own(t);
    } else {
        injected.push(t);
        wake_one(false);
    }
}

void scheduler::submit_local(task& t) noexcept {
    t.pinned = t.local = true;
    if (t.stack_class == task::of_runtime) t.stack_class = options.stack_class;
    list(t);
    auto& here = *this_worker();
    t.last_lane = &here;
    if (is_closing()) t.abort();  // it is cancelled when its turn comes
    here.queue_own(t);
}

void scheduler::submit_blocking(task& t) {
    t.blocking = true;
    list(t);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // as in submit_with_care()
    if (is_closing()) {
        if (t.state.start() == task_state::start_result::run_it) t.cancel();
        else t.unref();
        return;
    }
    blocking_.push(t);
}

void scheduler::resume_with_care(task& t) noexcept {
    foreign_post const until_done(*this, this_worker());
    auto* const last = static_cast<worker*>(t.last_lane);
    if (t.pinned) return last->post_own(t);
    if (migrates_) return migrate(t, last->index);
    injected.push(t);
    wake_one(false);
}

void scheduler::migrate(task& t, unsigned last) noexcept {
    auto& where = workers[(last + 1) % options.workers];
    where.post_own(t);
    if (where.is_lent()) where.evict_guests();
}

// --- workers ---

worker& scheduler::add_spare() {
    return workers.add(std::make_unique<worker>(*this, static_cast<unsigned>(workers.size()), false, true));
}

bool scheduler::has_work_for(worker const& w) const noexcept {
    if (w.has_own() || w.has_next() || injected.size() > 0) return true;
    return std::any_of(workers.begin(), workers.end(), [](auto const& other) { return other->has_stealable(); });
}

bool scheduler::waits_for(worker const& w) const noexcept {
    if (w.has_stealable() || w.has_next() || injected.size() > 0) return true;
    bool const unattended = driver_until.load(std::memory_order_seq_cst) == nobody_sleeps && idle.sleeping() > 0;
    return unattended || first_deadline() <= std::chrono::steady_clock::now();
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

void scheduler::trim(time_point now) noexcept {
    auto const next = std::min(trim_stacks(now), trim_blocks(now, stack_decay()));
    trim_at_.store(next.time_since_epoch().count(), std::memory_order_relaxed);
    if (next != never) deadline_armed(next);  // the sleeper in the driver takes it into account
}

// --- the end ---

void scheduler::abort_all() {
    std::vector<abort_handle> tasks;
    tasks.reserve(live.size() + 64);
    live.for_each([&](task& t) {
        if (tasks.size() < tasks.capacity()) tasks.emplace_back(&t);  // no allocation here; the rest next time
    });
    for (auto const& t : tasks) t.abort();
}

bool scheduler::wait_for_tasks(time_point until) {
    for (;;) {
        // acquire pairs with the release in live_table::remove().
        auto const seen = ended_.load(std::memory_order_acquire);
        abort_all();
        if (live.size() == 0) return true;
        if (std::chrono::steady_clock::now() >= until) return false;
        if (options.current_thread) {
            // A blocking job that ends does not wake this thread's loop, so it looks again from time to time.
            auto const done = [&] { return ended_.load(std::memory_order_acquire) != seen; };
            current_thread_turn const turn(*this);
            run_here(done, std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(10)));
        } else {
            while (ended_.load(std::memory_order_acquire) == seen && futex_wait(ended_, seen, until)) {}
        }
    }
}

std::vector<std::string> scheduler::survivors() {
    std::vector<std::string> names;
    live.for_each([&](task& t) {
        auto const* const reason = t.reason.load(std::memory_order_relaxed);
        names.push_back(std::string(name_of(t).text) + (reason ? std::string(", waits for ") + reason : ", runs"));
    });
    return names;
}

std::vector<std::string> scheduler::shut_down(time_point until) {
    closing_.store(true, std::memory_order_seq_cst);
    live.watch(&ended_);
    bool const all_ended = wait_for_tasks(until);
    live.watch(nullptr);
    // What is listed after all have ended was spawned from outside at this moment and is born cancelled: no survivor.
    if (!all_ended) {
        auto left = survivors();
        if (!left.empty()) return left;  // else they ended since
    }
    stop_workers();
    blocking_.stop();
    return {};
}

void scheduler::stop_workers() noexcept {
    // acquire pairs with the release in ~foreign_post().
    while (foreign_posts_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
    stopping.store(true, std::memory_order_release);  // pairs with the acquire in worker::should_stop()
    for (auto& w : workers) w->unpark();
    threads_.clear();
    watchdog.stop();
    spares.stop();
    // Stale entries still hold their tasks.
    for (auto& w : workers) w->drop_entries();
    while (auto* const t = injected.pop()) t->unref();
}

void scheduler::claim_here() {
    if (claimed_here_.test_and_set(std::memory_order_acquire))
        throw std::logic_error("ramie: two threads run one current_thread runtime at once");
}

void scheduler::run_here(std::function<bool()> const& done, time_point until) { workers[0].run_until(done, until); }

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
    m.blocking_threads = blocking_.threads();
    m.blocking_queued = blocking_.queued();
    return m;
}

}  // namespace ramie::detail
