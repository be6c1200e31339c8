// The threads behind spawn_blocking: started as jobs come, up to a limit, and kept for 10 s without work.
//
// A job is a task without a stack: it runs on the pool thread's own stack. An abort cancels a queued job (shutdown
// aborts them all); a running job cannot be cancelled, it only sees its stop_token.
//
// Any job may block for long, so each must find a thread; but most end sooner than a thread wakes up. Hence threads are
// called one at a time:
//   1. The thread that queues a job calls a thread (the last one that fell idle, else a new one), unless one is on its
//      way.
//   2. A thread that arrives takes a job, and if more are queued it calls the next thread before it runs its own job.
//   3. A thread that has ended a job takes the next one, or falls idle.
// Invariant: while jobs are queued, a thread is on its way, or as many threads as may exist run jobs.
//
// A job that was aborted while it runs is left behind: its handle does not wait for it any more, and it may never end.
// Its thread then does not count among the `most`, as long as there are no more than `most_left` such threads. So jobs
// that hang keep a thread each, but take none from other jobs. When such a job ends after all, there is a thread too
// many, and the next thread that looks for a job ends instead.
#pragma once

#include "queues/inject_queue.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>

namespace ramie::detail {

class scheduler;

class blocking_pool {
  public:
    // `name`: the threads' name, at most 15 bytes.
    blocking_pool(scheduler& home, char const* name, unsigned most, unsigned most_left)
        : home_(home), name_(name), most_(most), most_left_(most_left) {}
    ~blocking_pool() { stop(); }

    // Throws std::system_error if there is no thread and none can be started; then the job is cancelled.
    void push(task& job);
    // All jobs have ended or were cancelled: ends and joins the threads.
    void stop() noexcept;

    unsigned threads() const noexcept;
    // Running jobs that were aborted; only in a pool with most_left > 0.
    unsigned left_behind() const noexcept;
    std::size_t queued() const noexcept { return queued_.load(std::memory_order_relaxed); }

  private:
    struct server {
        plain_thread thread;
        atomic<std::uint32_t> called{0};  // it sleeps on this; 1: it is on its way. Written under lock_
        server* next_idle = nullptr;           // under lock_
        bool ended = false;                    // the next caller joins it; under starting_
    };
    // The thread to call: an idle one, a new one, or none.
    struct call {
        server* idle = nullptr;
        bool fresh = false;
    };

    call choose() noexcept RAMIE_UNDER(lock_);
    void carry_out(call c) noexcept;
    void start_server();
    void make_sure_of_one();
    void serve(server& self) noexcept;
    void run_job(task& job, waiter& thread) noexcept;
    void run_body(task& job) noexcept;
    void leave_behind(bool& is_left) noexcept;
    task* next_job(server& self, bool& arriving) noexcept;
    unsigned may_exist() const noexcept RAMIE_UNDER(lock_) { return most_ + std::min(left_, most_left_); }
    bool fall_idle(server& self) noexcept;
    void leave(server& self) noexcept;
    void join_ended() noexcept;

    scheduler& home_;
    char const* const name_;
    unsigned const most_;
    unsigned const most_left_;

    mutable word_lock lock_;
    task_chain jobs_ RAMIE_GUARDED_BY(lock_);
    server* idle_ RAMIE_GUARDED_BY(lock_) = nullptr;  // the last thread that fell idle comes first
    unsigned count_ RAMIE_GUARDED_BY(lock_) = 0;      // threads that serve
    unsigned on_way_ RAMIE_GUARDED_BY(lock_) = 0;
    unsigned left_ RAMIE_GUARDED_BY(lock_) = 0;       // abandoned jobs that still run
    bool stopping_ RAMIE_GUARDED_BY(lock_) = false;
    atomic<std::uint32_t> queued_{0};  // jobs_.count, for readers without the lock
    atomic<unsigned> ended_{0};

    plain_mutex starting_;  // taken before lock_
    std::list<server> servers_;
};

}  // namespace ramie::detail
