// Workers beyond the regular ones, which stand in for those that are lent to a task (block_in_place) or stuck in one
// (the monitor).
//
// wanted_ counts the workers somebody must stand in for, active_ the spares at work; there are as many of these as
// wanted, if threads can be had. A spare is a worker like any other, in the runtime's crew for good once it is made, so
// that its timers and queues are seen by all also while it rests. It looks now and then (too_many), and rests when it
// has nothing of its own and there are more than wanted. A resting spare keeps its thread for 10 s.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ramie::detail {

class scheduler;
class worker;

class spare_crew {
  public:
    spare_crew(scheduler& home, unsigned most) : home_(home), most_(most) {}
    ~spare_crew() { stop(); }

    // One more worker, or one less, must be stood in for. Any thread.
    void want() noexcept;
    void release() noexcept { wanted_.fetch_sub(1, std::memory_order_relaxed); }

    // --- a spare ---
    bool too_many() const noexcept {
        return active_.load(std::memory_order_relaxed) > wanted_.load(std::memory_order_relaxed);
    }
    // True: it is off duty, and must leave its loop.
    [[nodiscard]] bool may_rest(worker& w) noexcept;

    unsigned active() const noexcept { return active_.load(std::memory_order_relaxed); }
    // The runtime is stopping: its workers leave their loops. Ends and joins the threads.
    void stop() noexcept;

  private:
    struct spare {
        worker* who = nullptr;
        std::thread thread;
        bool on_duty = false;
        bool has_thread = false;  // `thread` is in serve()
    };

    void put_on_duty(spare& s);
    void serve(spare& s) noexcept;

    scheduler& home_;
    unsigned const most_;
    std::atomic<unsigned> wanted_{0}, active_{0};  // raised and lowered under the lock, wanted_ lowered without
    std::mutex mutex_;
    std::condition_variable duty_;
    std::vector<std::unique_ptr<spare>> spares_;
    bool stopping_ = false;
};

}  // namespace ramie::detail
