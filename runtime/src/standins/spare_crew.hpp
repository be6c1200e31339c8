// Workers beyond the regular ones, which stand in for those that are lent to a task (block_in_place) or stuck in one
// (monitor.hpp).
//
// wanted() counts the spares that should be at work, active() those that are; there are as many of these as wanted, if
// threads can be had and up to max_blocking_threads. A spare is a worker like any other, in the runtime's crew for good
// once it is made, so that its timers and queues are seen by all also while it rests. It looks now and then (too_many),
// and rests when it has nothing of its own and there are more than wanted. A resting spare keeps its thread for 10 s.
//
// The only regular worker of a runtime has its queues to itself (solitude.hpp). That ends under mutex_ before the first spare is
// put on duty, and begins again under mutex_ when none is.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ramie::detail {

class scheduler;
class worker;

class spare_crew {
  public:
    spare_crew(scheduler& home, unsigned most);
    ~spare_crew() { stop(); }

    unsigned most() const noexcept { return most_; }

    // --- any thread ---
    // One more worker is lent, or one less.
    void want() noexcept;
    void release() noexcept { lent_.fetch_sub(1, std::memory_order_relaxed); }
    unsigned active() const noexcept { return active_.load(std::memory_order_relaxed); }
    // On duty, but its thread has not got there yet.
    bool one_arrives() const noexcept { return arriving_.load(std::memory_order_relaxed) > 0; }
    // The runtime's only worker: true if it has its queues to itself again.
    bool leaves_alone(worker& w) noexcept;

    // --- the monitor ---
    // How many workers are to be stood in for because they are stuck.
    void rescue(unsigned stuck) noexcept;
    // A further spare comes when one more is wanted; else the limit is reached, or the last one could not be had.
    bool may_grow() const noexcept { return active() < most_ && active() >= wanted(); }
    // Spares that sleep and are not wanted any more wake up and go off duty.
    void dismiss() noexcept;
    // Runs f() if there is company in the queues, that is, if others than their owner may take from them.
    template <class F>
    void in_company(F&& f) {
        std::lock_guard const held(mutex_);
        if (is_in_company()) f();
    }

    // --- a spare ---
    bool too_many() const noexcept { return active() > wanted(); }
    void arrived() noexcept { arriving_.fetch_sub(1, std::memory_order_relaxed); }
    // True: it is off duty, and must leave its loop.
    [[nodiscard]] bool may_rest(worker& w) noexcept;

    // The runtime is stopping: its workers leave their loops. Ends and joins the threads.
    void stop() noexcept;

  private:
    struct spare {
        worker* stand_in = nullptr;
        plain_thread thread;
        atomic<std::uint32_t> calls{0};  // it sleeps on this word, which is raised under the lock
        bool on_duty = false;
        bool has_thread = false;  // `thread` is in serve()
    };

    unsigned wanted() const noexcept {
        return lent_.load(std::memory_order_relaxed) + stuck_.load(std::memory_order_relaxed);
    }
    bool is_in_company() const noexcept;
    void fill() noexcept;
    spare* find_resting();
    void put_on_duty(spare& s);
    void serve(spare& s) noexcept;
    bool await_call(spare& s, std::unique_lock<plain_mutex>& held) noexcept;
    static void call(spare& s) noexcept;

    scheduler& home_;
    unsigned const most_;
    atomic<unsigned> lent_{0}, stuck_{0};
    atomic<unsigned> active_{0}, arriving_{0};  // raised, and active_ lowered, under the lock
    plain_mutex mutex_;
    std::vector<std::unique_ptr<spare>> spares_;  // the first is the first worker after the regular ones
    bool stopping_ = false;
};

}  // namespace ramie::detail
