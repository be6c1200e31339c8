// At the end of a runtime, the stop_tokens of its tasks are requested. That runs std::stop_callbacks, which are user
// code and may take any time, or never return. So it is done on a thread of its own (only if some task has a token),
// and the runtime's end waits for that thread as it does for a task.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/detail/task/task.hpp>

#include <string>
#include <vector>

namespace ramie::detail {

class scheduler;

class stop_requests {
  public:
    explicit stop_requests(scheduler& home) : home_(home) {}
    stop_requests(stop_requests const&) = delete;
    stop_requests& operator=(stop_requests const&) = delete;
    ~stop_requests() { join(); }

    // While it is over: adds a task to be requested (even if the task ends before); without memory, requests it here
    // and now.
    void add(task& t) noexcept;
    // Requests all that were added. If no thread can be had, here and now.
    void begin() noexcept;
    bool is_over() const noexcept { return over_.load(std::memory_order_acquire); }  // pairs with the end of make_all()
    // Waits until it is over.
    void join() noexcept;
    // The task whose callback is being waited for, as a survivor's line; only while it is not over.
    std::string survivor() const;

  private:
    void make_all() noexcept;

    scheduler& home_;
    std::vector<task*> asked_;  // each is referenced
    plain_thread thread_;
    atomic<bool> over_{true};
    atomic<task_id> at_{0};
};

}  // namespace ramie::detail
