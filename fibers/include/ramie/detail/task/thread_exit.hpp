// pthread_exit() and thrd_exit() in a task: the task ends as if its body had returned, joins see it as cancelled, and
// the OS thread that carries it goes on. Everywhere else they are libc's.
//
// As in glibc, the frames are left by a forced unwinding: destructors run; catch (...) is entered and must rethrow;
// catch (abi::__forced_unwind&) can tell it from other exceptions. A handler that does not rethrow ends the process.
// The library's own handlers all let it through, except those at the end of the library's own work (end_thread_exit).
//
// glibc's function is not used in a task, because it marks the OS thread as exiting: setuid() of the process would skip
// that thread for ever. The unwinding is our own, and its state belongs to the task: a destructor may wait meanwhile,
// and go on in another thread. Functions that C code has registered by pthread_cleanup_push are run on the way, if they
// were registered on this stack and nothing else was registered on this OS thread since. (A library that was bound to
// libc's function does not reach ours: its call also ends the task, and leaves that mark.)
#pragma once

#include <ramie/detail/ground/forced_unwind.hpp>

#include <pthread.h>

namespace ramie::detail {

class task;

// For a handler of forced_unwind at which the unwinding is meant to end, and which does not rethrow.
void end_thread_exit() noexcept;

// What pthread_exit() does in a task or job, and what goes on after a handler that C code has registered. Return on a thread
// that runs none.
void exit_task();
void unwind_next(__pthread_unwind_buf_t* done);

// While one of these lives, this plain thread runs that job, in frames below this one.
class running_job {
  public:
    explicit running_job(task&) noexcept;
    running_job(running_job const&) = delete;
    running_job& operator=(running_job const&) = delete;
    ~running_job();
    task& what() const noexcept { return what_; }

  private:
    task& what_;
};

}  // namespace ramie::detail
