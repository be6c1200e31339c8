#include "worker/worker.hpp"

#include "carrier.hpp"
#include "scheduler.hpp"
#include "timers/coarse_clock.hpp"

#include <ramie/detail/overflow/stack_overflow.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <algorithm>

#include <unistd.h>

namespace ramie::detail {

using namespace std::chrono_literals;

worker::worker(scheduler& runtime, unsigned i, bool is_alone, bool spare)
    : lane(is_alone),
      home(runtime),
      index(i),
      posts_for(&runtime),
      spare_(spare),
      may_be_alone_(is_alone),
      deque_(alone),
      ring_(alone),
      random_(i * 2654435761u + 1) {
    if (is_alone) number = bias::new_number();
    lane::live.join(home.live);
}

worker::~worker() = default;

// --- posting, on this worker ---

void worker::list_here(task& t) {
    if (next_id == last_id) [[unlikely]] {
        next_id = take_ids(1024);
        last_id = next_id + 1024;
    }
    t.set_id(++next_id);
    lane::live.add(t);
}

void worker::post_spawned(task& t) noexcept {
    if (!deque_.push(t)) [[unlikely]] {
        home.injected.push(t);
        (void)wake_another();
        return;
    }
    if (alone.needs_no_wake()) return;
    auto const stolen = deque_.stolen() - moved_;
    bool const only_one = deque_.size() == 1;
    if (only_one && !calls_.wanted(stolen, coarse_clock::note)) return;
    if (wake_another() && only_one) calls_.made(stolen);
}

// A deadline, readiness.
void worker::post_from_loop(task& t) noexcept {
    push_ring(t);
    offer_ring();
}

void worker::post_displaced(task& t) noexcept {
    push_ring(t);
    (void)wake_another();
}

void worker::offer_ring() noexcept {
    if (ring_.size() > 1) (void)wake_another();
}

bool worker::wake_another() noexcept { return !alone.needs_no_wake() && home.wake_one(); }

[[gnu::cold, gnu::noinline]] void worker::push_elsewhere(task& t) noexcept {
    if (crowded_) return home.injected.push(t);
    // The ring is full: half of it goes where all workers look, in one piece. Not `t`: it may come from there.
    task_chain overflow;
    for (std::uint32_t i = 0; i < run_ring::capacity / 2; ++i) {
        auto* const old = ring_.pop();
        if (old == nullptr) break;
        overflow.add(*old);
    }
    home.injected.push(overflow);
    (void)ring_.push(t);
}

void worker::post_own(task& t) noexcept {
    own_.push(t);
    unpark();
}

void worker::unpark() noexcept { parker_.unpark(*home.watch); }

void worker::drop_entries() noexcept {
    while (auto* const t = deque_.pop()) t->unref();
    while (auto* const t = ring_.pop()) t->unref();
    while (auto* const t = own_.pop()) t->unref();
}

std::size_t worker::queued() const noexcept { return ring_.size() + own_.size() + (has_next() ? 1 : 0) + deque_.size(); }

// --- the pick ---

[[gnu::cold]] task* worker::pick_with_care() noexcept {
    if (is_diverted() || order_.attend(picks_.read())) {
        back_to_loop = true;
        return nullptr;
    }
    return take_local();
}

task* worker::start_entry(task& t) noexcept {
    if (t.state.start() == task_state::start_result::run_it) return &t;
    t.unref();
    return nullptr;
}

task* worker::take_local() noexcept {
    for (;;) {
        auto const from = order_.choose(picks_.read(), in_queues(*this));
        if (from == source::nothing) return nullptr;
        order_.took(from);
        if (auto* const t = take_from(from)) return t;  // else it was gone, or stale
    }
}

task* worker::take_from(source s) noexcept {
    switch (s) {
        case source::own: return ready_entry(own_.pop());
        case source::next: return next_.take();
        case source::ring: return ready_entry(ring_.pop(ring_.look(), prefetch_behind{crowded_}));
        case source::spawned: return take_spawned();
        case source::nothing: break;
    }
    return nullptr;
}

task* worker::take_spawned() noexcept {
    auto* const t = deque_.pop();
    if (t == nullptr) return nullptr;
    ++served_;
    return start_entry(*t);
}

// The ring's: null if a thief was faster.
[[gnu::noinline]] task* worker::take_unstarted(task* t) noexcept {
    if (t != nullptr) t = start_entry(*t);
    return t != nullptr ? t : take_local();
}

// As post_woken() and the pick after it, if that would find it.
bool worker::hand_over(task& t) noexcept {
    auto const then = picks_.read() + 1;
    if (!next_.empty() || order_.is_due(then) || order_.choose(then, in_queues_and_next(*this)) != source::next) return false;
    if (!takes(t)) return false;
    picks_.add();
    order_.took(source::next);
    return true;
}

// Only the newest: a joiner of an older one waits in the ordinary way, and what was spawned after it runs first, one task
// after the other on one stack. So a parent of ten switches twice, not twenty times.
task* worker::claim_unstarted(task& t) noexcept {
    if (!deque_.pop_if_newest(t)) return nullptr;
    ++served_;
    if (t.state.start(true) == task_state::start_result::run_it) return &t;
    t.unref();  // aborted meanwhile
    return nullptr;
}

// --- the loop, on the OS thread's own stack ---

void worker::run() {
    enter_thread();
    signal_stack const alternate;
    this_thread_carrier binding(*this);
    clock_.bind();
    thread_.store(::gettid(), std::memory_order_relaxed);
    note_time(std::chrono::steady_clock::now());
    wakes_up();
    if (spare_) home.spares.arrived();
    while (auto* const t = find_work()) lane::run(*t);
    if (searching_) (void)home.idle.stop_search();
    searching_ = false;
    give_caches_back();
    if (deque_.trim()) (void)deque_.trim();
    asleep_.store(true, std::memory_order_relaxed);
    thread_.store(0, std::memory_order_relaxed);
}

void worker::run_until(std::function<bool()> const& done, time_point until) {
    done_ = &done;
    limit_ = until;
    looks_once_more_ = true;
    run();
    done_ = nullptr;
    limit_ = never;
}

bool worker::should_stop() {
    if (home.stopping.load(std::memory_order_acquire)) return true;
    if (done_ == nullptr) return false;
    if ((*done_)()) return true;
    // A time that is over when it begins is no reason to do nothing: calls with such limits would never get on.
    return limit_ != never && !std::exchange(looks_once_more_, false) && carrier::now() >= limit_;
}

task* worker::find_work() {
    if (home.options.simulated != nullptr) [[unlikely]] return find_work_on(*home.options.simulated);
    for (;;) {
        if (should_stop()) return nullptr;
        if (back_to_loop || order_.wants_look(picks_.read())) look_around();
        auto* t = take_local();
        if (t == nullptr && spare_ && goes_off_duty()) return nullptr;
        if (t == nullptr) t = take_injected();
        if (t == nullptr && home.first_deadline() != never && fire_due_timers(std::chrono::steady_clock::now()) > 0) continue;
        if (t == nullptr && harvests_instead()) continue;
        if (t == nullptr) t = steal();
        if (t != nullptr) {
            found_work();
            return t;
        }
        sleep();
    }
}

// In a server under load more is ready by the time all that was ready is done: then a look finds it, for a fraction of
// what falling asleep and waking up costs. Where one at a time becomes ready, it would only be one more system call.
bool worker::harvests_instead() {
    if (!several_ready_) return false;
    (void)home.watch->harvest();
    several_ready_ = ring_.size() > 1;
    return !ring_.empty();
}

// A spare that is not needed any more. (Its deque may not be emptied into the injection queue, inject_queue.hpp; so it
// works that off, or others steal it.)
bool worker::goes_off_duty() noexcept {
    if (stayers > 0 || !home.spares.may_rest(*this)) return false;
    if (std::exchange(searching_, false)) (void)home.idle.stop_search();
    home.wake_one();  // it may have been woken for work
    home.worker_is_idle();
    return true;
}

// Every 61 picks: whatever the fast pick does not see.
void worker::look_around() {
    back_to_loop = false;
    if (is_lent()) take_back();  // its task waits
    if (is_diverted()) comes_back();
    if (may_be_alone_ && alone.has_ended()) (void)home.spares.leaves_alone(*this);
    if (spare_ && home.spares.too_many()) {
        task_chain rest;
        if (auto* const t = next_.take()) rest.add(*t);
        while (auto* const t = ring_.pop()) rest.add(*t);
        if (rest.count > 0) home.injected.push(rest);
        home.wake_one();
    }
    order_.looked(picks_.add());
    auto const now = std::chrono::steady_clock::now();
    note_time(now);
    home.idle.look(now);
    fire_due_timers(now);
    adopt_injected();
    move_oldest_spawns(now);
    if (now >= tidy_at_) tidy(now);
    if (now - last_turn_ >= 1ms && home.in_driver.try_take()) {
        last_turn_ = now;
        home.watch->turn(now);
        home.in_driver.give_back();
    } else {
        (void)home.watch->harvest();
    }
}

// What waits in the injection queue must get its turn even if the ring stays full, as it does with 1024 yielding tasks.
// So one is taken in any case; and while more wait than there is room for, what becomes runnable here queues behind
// them. Then ring and injection queue are one first-in-first-out queue.
void worker::adopt_injected() noexcept {
    auto const share = home.fair_share(), room = ring_.room();
    crowded_ = false;
    adopt(home.injected.pop(std::max(1u, std::min(share, room))));
    crowded_ = share > room && home.injected.size() > 0;
}

// To the ring, where they are served in turn (spawn_turn.hpp).
void worker::move_oldest_spawns(time_point now) noexcept {
    auto const count = turn_.look({now, served_, deque_.taken(), deque_.size()});
    for (std::size_t i = 0; i < count; ++i) {
        auto* const oldest = deque_.steal();
        if (oldest == nullptr) return;  // lost to a thief, which serves it
        ++moved_;
        push_ring(*oldest);
    }
}

unsigned worker::fire_due_timers(time_point now) noexcept {
    unsigned fired = 0;
    for (auto& w : home.workers)
        if (w->timers().first() <= now) fired += adopt(w->fire(now));
    return fired;
}

// Takes over runnable tasks.
unsigned worker::adopt(task_chain chain) noexcept {
    auto const count = chain.count;
    while (auto* const t = chain.take()) {
        // One that has not started has no worker yet that it could be made to leave.
        if (t->pinned || (t->stack != nullptr && home.migrates_by_force())) home.resume(*t);
        else push_ring(*t);
    }
    offer_ring();
    return count;
}

task* worker::take_injected() noexcept {
    crowded_ = false;
    auto chain = home.injected.pop(std::min(home.fair_share(), ring_.room()));
    task* first = nullptr;
    while (first == nullptr && chain.first != nullptr) first = ready_entry(chain.take());
    while (auto* const t = chain.take()) push_ring(*t);
    if (!ring_.empty()) (void)wake_another();
    return first;
}

task* worker::steal() noexcept {
    auto const count = home.workers.size();
    if (!alone.is_in_company()) return nullptr;
    if (!searching_ && !home.idle.start_search()) return nullptr;
    searching_ = true;
    random_ ^= random_ << 13, random_ ^= random_ >> 17, random_ ^= random_ << 5;
    for (std::size_t i = 0; i < count; ++i) {
        auto& victim = home.workers[(random_ + i) % count];
        if (&victim == this) continue;
        while (!victim.deque_.empty()) {
            auto* const t = victim.deque_.steal();
            if (t == nullptr) continue;  // lost a race; look again
            steals.add();
            take_more_from(victim);
            if (t->state.start() == task_state::start_result::run_it) return t;
            t->unref();
        }
        if (auto* const entry = victim.ring_.steal_into(ring_)) {
            steals.add();
            if (auto* const t = ready_entry(entry)) return t;
            if (auto* const t = take_local()) return t;
        }
    }
    return nullptr;
}

// Where hundreds of new tasks wait they are small, and each steal by itself costs more than they do. Where a few wait they
// may be the roots of large trees, and a thief that takes several leaves the others with nothing.
void worker::take_more_from(worker& victim) noexcept {
    constexpr std::size_t for_each_more = 32, most = 16;
    for (auto more = std::min(victim.deque_.size() / for_each_more, most); more > 0; --more) {
        auto* const t = victim.deque_.steal();
        if (t == nullptr) return;
        steals.add();
        if (!deque_.push(*t)) home.injected.push(*t);
    }
}

// The last searcher to find work wakes another (idle.md).
void worker::found_work() noexcept {
    if (std::exchange(unwatched_, false)) home.watchdog.wake();
    if (!searching_) return;
    searching_ = false;
    if (home.idle.stop_search()) (void)wake_another();
}

}  // namespace ramie::detail
