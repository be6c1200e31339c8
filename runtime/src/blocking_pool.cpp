#include "blocking_pool.hpp"

#include "carrier.hpp"
#include "scheduler.hpp"

#include <ramie/detail/local_value.hpp>

#include <chrono>
#include <pthread.h>
#include <system_error>

namespace ramie::detail {

namespace {
constexpr std::chrono::seconds keep_idle{10};
}

void blocking_pool::push(task& job) {
    thread_list ended;
    std::unique_lock held(mutex_);
    ended.swap(ended_);
    jobs_.push_back(&job);
    if (idle_ >= jobs_.size()) {
        work_.notify_one();
    } else if (threads_.size() < most_) {
        try {
            threads_.emplace_front();
            auto const self = threads_.begin();
            *self = std::thread([this, self] { serve(self); });
        } catch (std::system_error const&) {
            threads_.pop_front();
            if (threads_.empty()) {  // nobody would ever run it
                jobs_.pop_back();
                held.unlock();
                if (job.state.start() == task_state::start_result::run_it) job.cancel();
                else job.unref();
                throw;
            }
        }
    }
    held.unlock();
    for (auto& t : ended) t.join();
}

void blocking_pool::serve(thread_list::iterator self) noexcept {
    ::pthread_setname_np(::pthread_self(), "ramie-blocking");
    entered_runtime const binding(home_);
    auto& thread = waiter::self();
    std::unique_lock held(mutex_);
    for (;;) {
        if (jobs_.empty()) {
            if (stopping_) return;
            ++idle_;
            bool const more = work_.wait_for(held, keep_idle, [this] { return stopping_ || !jobs_.empty(); });
            --idle_;
            if (more) continue;
            ended_.splice(ended_.begin(), threads_, self);
            return;
        }
        auto& job = *jobs_.front();
        jobs_.pop_front();
        held.unlock();
        if (job.state.start() == task_state::start_result::run_it) {
            take_over_locals(job);
            job.run();
            destroy_locals(thread);
            job.finish();
            destroy_locals(thread);  // made anew by the destructor of a result that nobody took
        } else {
            job.unref();  // aborted while it was queued
        }
        held.lock();
    }
}

void blocking_pool::stop() noexcept {
    thread_list all;
    {
        std::lock_guard held(mutex_);
        stopping_ = true;
        work_.notify_all();
    }
    for (auto& t : threads_) t.join();  // `stopping_`: nobody changes the lists any more
    for (auto& t : ended_) t.join();
    threads_.clear();
    ended_.clear();
    for (auto* job : jobs_) job->unref();  // stale entries
    jobs_.clear();
}

unsigned blocking_pool::threads() const noexcept {
    std::lock_guard held(mutex_);
    return static_cast<unsigned>(threads_.size());
}

std::size_t blocking_pool::queued() const noexcept {
    std::lock_guard held(mutex_);
    return jobs_.size();
}

}  // namespace ramie::detail
