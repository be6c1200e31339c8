// A task that no runtime has: what the tests of queues and heaps put into them.
#pragma once

#include <ramie/detail/task/task_frame.hpp>
#include <ramie/spawn.hpp>

namespace ramie::testing {

class loose_task {
  public:
    explicit loose_task(task_id id = 0) : task_(detail::make_task(std::source_location::current(), [] {})) {
        task_->set_id(id);
        list().add(*task_);
    }
    loose_task(loose_task&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    loose_task& operator=(loose_task&&) = delete;
    ~loose_task() {
        if (task_ == nullptr) return;
        (void)task_->state.start();
        if (task_->state.current() == detail::task_state::phase::parked)  // nothing wakes it any more
            (void)task_->state.claim(task_->state.generation(), detail::task_state::outcome::woken);
        task_->cancel();
        task_->drop_handle();
    }
    detail::task& operator*() const noexcept { return *task_; }
    detail::task* operator->() const noexcept { return task_; }

  private:
    static detail::live_table& list() {
        static detail::live_table all;
        return all;
    }
    detail::task_of<void>* task_;
};

}  // namespace ramie::testing
