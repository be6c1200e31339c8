// The threads behind spawn_blocking: started as jobs come, at most so many, kept 10 s without work.
//
// A job is a task without a stack: it runs on the pool thread's own. Queued ones are cancelled by abort (shutdown
// aborts them all); running ones cannot be, they only see their stop_token.
#pragma once

#include <ramie/detail/task.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

namespace ramie::detail {

class scheduler;

class blocking_pool {
  public:
    blocking_pool(scheduler& home, unsigned most) : home_(home), most_(most) {}
    ~blocking_pool() { stop(); }

    // Throws std::system_error if there is no thread and none can be started; the job is cancelled then.
    void push(task& job);
    // All jobs have ended or were cancelled: ends and joins the threads.
    void stop() noexcept;

    unsigned threads() const noexcept;
    std::size_t queued() const noexcept;

  private:
    using thread_list = std::list<std::thread>;

    void serve(thread_list::iterator self) noexcept;

    scheduler& home_;
    unsigned const most_;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<task*> jobs_;
    thread_list threads_;
    thread_list ended_;  // to be joined by whoever comes next
    unsigned idle_ = 0;
    bool stopping_ = false;
};

}  // namespace ramie::detail
