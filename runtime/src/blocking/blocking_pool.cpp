#include "blocking/blocking_pool.hpp"

#include "carrier.hpp"
#include "scheduler.hpp"

#include <ramie/detail/task/local_value.hpp>
#include <ramie/detail/task/thread_exit.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <chrono>
#include <new>
#include <optional>
#include <pthread.h>
#include <stop_token>
#include <system_error>

namespace ramie::detail {

namespace {

constexpr std::chrono::seconds keep_idle{10};

void drop_job(task& job) noexcept {
    if (job.state.start() == task_state::start_result::run_it) job.cancel();
    else job.unref();
}

}  // namespace

// --- queueing a job ---

void blocking_pool::push(task& job) {
    if (ended_.load(std::memory_order_relaxed) > 0) [[unlikely]] join_ended();
    lock_.lock();
    while (count_ == 0) [[unlikely]] {
        lock_.unlock();
        try {
            make_sure_of_one();
        } catch (...) {
            drop_job(job);
            throw;
        }
        lock_.lock();
    }
    jobs_.add(job);
    queued_.store(jobs_.count, std::memory_order_relaxed);
    auto const wanted = on_way_ == 0 ? choose() : call{};
    lock_.unlock();
    carry_out(wanted);
}

// Under lock_, if no thread is on its way.
blocking_pool::call blocking_pool::choose() noexcept {
    if (idle_ != nullptr) {
        ++on_way_;
        auto* const chosen = std::exchange(idle_, idle_->next_idle);
        // relaxed: all it must see is under lock_, which it takes first.
        chosen->called.store(1, std::memory_order_relaxed);
        return {.idle = chosen};
    }
    if (count_ >= may_exist() || stopping_) return {};
    ++on_way_;
    return {.fresh = true};
}

void blocking_pool::carry_out(call c) noexcept {
    if (c.idle != nullptr) return futex_wake(c.idle->called);
    if (!c.fresh) return;
    std::lock_guard const one_at_a_time(starting_);
    try {
        return start_server();
    } catch (std::system_error const&) {
    } catch (std::bad_alloc const&) {
    }
    // Not an error: there are other threads, the jobs only wait longer. One of the threads may have fallen idle
    // meanwhile.
    call instead;
    {
        word_guard const held(lock_);
        --on_way_;
        if (jobs_.first != nullptr && idle_ != nullptr && on_way_ == 0) instead = choose();
    }
    if (instead.idle != nullptr) futex_wake(instead.idle->called);
}

// Under starting_. The new thread is counted as on its way already.
void blocking_pool::start_server() {
    {
        word_guard const held(lock_);
        if (stopping_) {
            --on_way_;
            return;
        }
    }
    auto& self = servers_.emplace_front();
    try {
        self.thread = plain_thread([this, &self] { serve(self); });
    } catch (...) {
        servers_.pop_front();
        throw;
    }
    word_guard const held(lock_);
    ++count_;
}

// The very first thread, before a job is queued: so a job that is refused was never taken.
void blocking_pool::make_sure_of_one() {
    std::lock_guard const one_at_a_time(starting_);
    {
        word_guard const held(lock_);
        if (count_ > 0) return;
        ++on_way_;
    }
    try {
        start_server();
    } catch (...) {
        word_guard const held(lock_);
        --on_way_;
        throw;
    }
}

// --- a thread ---

void blocking_pool::serve(server& self) noexcept {
    ::pthread_setname_np(::pthread_self(), name_);
    entered_runtime const binding(home_);
    auto& thread = waiter::self();
    { std::lock_guard const until_counted(starting_); }
    bool arriving = true;
    while (auto* const job = next_job(self, arriving)) run_job(*job, thread);
}

void blocking_pool::run_job(task& job, waiter& thread) noexcept {
    if (job.state.start() != task_state::start_result::run_it) return job.unref();  // aborted while it was queued
    take_over_locals(job);
    {
        running_job const here(job);
        run_body(job);
    }
    destroy_locals(thread);
    job.finish();
}

void blocking_pool::run_body(task& job) noexcept {
    if (most_left_ == 0) return job.run();
    bool is_left = false;  // under lock_, until the body can no longer be aborted
    {
        auto const leave_it = [this, &is_left]() noexcept { leave_behind(is_left); };
        std::optional<std::stop_callback<decltype(leave_it)>> when_aborted;
        try {
            when_aborted.emplace(job.stop_token(), leave_it);
        } catch (std::bad_alloc const&) {}  // then it keeps its place
        job.run();
    }
    if (!is_left) return;
    word_guard const held(lock_);
    --left_;
}

// On the thread that aborts the job.
void blocking_pool::leave_behind(bool& is_left) noexcept {
    lock_.lock();
    is_left = true;
    ++left_;
    auto const wanted = jobs_.count > 0 && on_way_ == 0 ? choose() : call{};
    lock_.unlock();
    carry_out(wanted);
}

// Null: this thread must end.
task* blocking_pool::next_job(server& self, bool& arriving) noexcept {
    for (;;) {
        lock_.lock();
        if (std::exchange(arriving, false)) --on_way_;
        if (count_ > may_exist()) [[unlikely]] {
            --count_;
            auto const instead = jobs_.count > 0 && on_way_ == 0 ? choose() : call{};
            lock_.unlock();
            carry_out(instead);
            leave(self);
            return nullptr;
        }
        if (auto* const job = jobs_.take()) {
            queued_.store(jobs_.count, std::memory_order_relaxed);
            auto const wanted = jobs_.count > 0 && on_way_ == 0 ? choose() : call{};
            lock_.unlock();
            carry_out(wanted);
            return job;
        }
        if (stopping_) {
            --count_;
            lock_.unlock();
            return nullptr;
        }
        self.called.store(0, std::memory_order_relaxed);
        self.next_idle = std::exchange(idle_, &self);
        lock_.unlock();
        arriving = fall_idle(self);
        if (!arriving) {
            leave(self);
            return nullptr;
        }
    }
}

// False: it was not called for long, and is not among the idle threads any more.
bool blocking_pool::fall_idle(server& self) noexcept {
    auto const until = std::chrono::steady_clock::now() + keep_idle;
    while (self.called.load(std::memory_order_relaxed) == 0) {
        if (futex_wait(self.called, 0, until)) continue;
        word_guard const held(lock_);
        if (self.called.load(std::memory_order_relaxed) != 0) return true;
        auto** place = &idle_;
        while (*place != &self) place = &(*place)->next_idle;
        *place = self.next_idle;
        --count_;
        return false;
    }
    return true;
}

void blocking_pool::leave(server& self) noexcept {
    std::lock_guard const held(starting_);
    self.ended = true;
    ended_.fetch_add(1, std::memory_order_relaxed);
}

void blocking_pool::join_ended() noexcept {
    std::lock_guard const held(starting_);
    ended_.store(0, std::memory_order_relaxed);
    servers_.remove_if([](server& s) {
        if (s.ended) s.thread.join();
        return s.ended;
    });
}

// --- the end ---

void blocking_pool::stop() noexcept {
    std::unique_lock no_new_ones(starting_);
    lock_.lock();
    stopping_ = true;
    for (auto* s = std::exchange(idle_, nullptr); s != nullptr; s = s->next_idle) {
        ++on_way_;
        s->called.store(1, std::memory_order_relaxed);
    }
    lock_.unlock();
    no_new_ones.unlock();  // threads that end need it
    for (auto& s : servers_) {
        futex_wake(s.called);
        s.thread.join();
    }
    servers_.clear();
    lock_.lock();
    auto stale = std::exchange(jobs_, {});
    lock_.unlock();
    while (auto* const job = stale.take()) job->unref();
    queued_.store(0, std::memory_order_relaxed);
}

unsigned blocking_pool::left_behind() const noexcept {
    word_guard const held(lock_);
    return left_;
}

unsigned blocking_pool::threads() const noexcept {
    word_guard const held(lock_);
    return count_;
}

}  // namespace ramie::detail
