// The worker, or the runtime, that this OS thread belongs to. The thread-locals are in carrier.cpp and, for the lane,
// in fibers (this_lane.hpp).
#pragma once

#include "worker/worker.hpp"

#include <ramie/detail/ground/this_lane.hpp>

namespace ramie::detail {

// Null on a thread that is not a worker's.
inline worker* this_worker() noexcept { return static_cast<worker*>(this_lane()); }
// The runtime of a blocking pool's thread, or of a worker; null on a plain thread.
scheduler* this_runtime() noexcept;

// The runtimes that an OS thread serves at the moment, innermost first: a task of one runtime may run another runtime
// on its stack.
class thread_service {
  public:
    explicit thread_service(scheduler& of) noexcept;
    thread_service(thread_service const&) = delete;
    thread_service& operator=(thread_service const&) = delete;
    ~thread_service();
    // Whether the caller is inside a task or a blocking job of that runtime, at any depth.
    static bool is_inside(scheduler const& s) noexcept;

  private:
    scheduler* of_;
    thread_service const* outer_;
};

// Whether std::exit was called on this thread: then destructors run inside the task that called it.
bool this_thread_exits() noexcept;

// While one of these lives, the thread is that worker's.
class this_thread_carrier {
  public:
    explicit this_thread_carrier(worker& w) noexcept;
    this_thread_carrier(this_thread_carrier const&) = delete;
    this_thread_carrier& operator=(this_thread_carrier const&) = delete;
    ~this_thread_carrier();

  private:
    thread_service service_;
    worker* worker_before_;
    scheduler* runtime_before_;
};

// While one of these lives, a plain thread may spawn into that runtime.
class entered_runtime {
  public:
    explicit entered_runtime(scheduler& s) noexcept;
    entered_runtime(entered_runtime const&) = delete;
    entered_runtime& operator=(entered_runtime const&) = delete;
    ~entered_runtime();

  private:
    thread_service service_;
    scheduler* before_;
};

// Sets up the report of stack overflows, once per process.
void install_overflow_handler() noexcept;

}  // namespace ramie::detail
