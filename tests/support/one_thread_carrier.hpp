// A carrier for tests: all fibers on the calling thread, step by step, in virtual time. It defines the carrier seam, so
// a test program links either this or the runtime.
//
// Runnable tasks queue first in, first out. Time stands still until the test advances it, or until run() finds that all
// wait and jumps to the next deadline.
#pragma once

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/task.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace ramie::testing {

class one_thread_carrier {
  public:
    // One at a time per thread.
    one_thread_carrier();
    ~one_thread_carrier();

    // Runs one task until it parks, yields or ends. False if nothing is runnable.
    bool step();
    // Runs until nothing is runnable; time stands still.
    void drain();
    // Runs until nothing is runnable and no deadline is left, jumping from deadline to deadline.
    void run();
    // Moves the clock; what becomes due is runnable, not run.
    void advance(std::chrono::nanoseconds d);

    // Parking tasks pick their successor on their own stack, as workers do, instead of going home after each; and a joiner
    // starts its task if that is the newest.
    void switch_directly(bool on) { direct_ = on; }
    // For what asks whether other lanes run beside this one: they seem to.
    void seem_accompanied() { (void)lane_.alone.end(); }
    // As if there were no memory for another timer.
    void refuse_deadlines(bool on) { refuses_deadlines_ = on; }
    // As if there were no memory to list another task.
    void refuse_tasks(bool on) { refuses_tasks_ = on; }
    // Called for each failure nobody received.
    void on_unseen_failure(failure_hook hook);

    std::size_t live() const { return tasks_.size(); }
    std::size_t armed() const { return deadlines_.size(); }
    std::size_t runnable() const { return ready_.size(); }
    detail::live_table& tasks() { return tasks_; }

  private:
    friend struct carrier_access;
    class own_lane : public detail::lane {};

    // A spawned task that has not started, or one that was woken or yields.
    struct entry {
        detail::task* who;
        bool fresh;
    };

    detail::task* pop();
    // Of the spawned tasks that have not started: the rule by which a worker's deque gives one to its joiner.
    bool take_if_newest(detail::task& t);
    void fire_due();

    own_lane lane_;
    std::deque<entry> ready_;
    std::multimap<detail::time_point, detail::timer_entry*> deadlines_;
    detail::live_table tasks_;
    detail::time_point now_{std::chrono::hours(1)};
    detail::shared_hook* unseen_;
    bool direct_ = false;
    bool refuses_deadlines_ = false;
    bool refuses_tasks_ = false;
};

}  // namespace ramie::testing
