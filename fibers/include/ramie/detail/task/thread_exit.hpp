// pthread_exit() and thrd_exit() in a task: the task ends, as if its body had returned, and joins see it as cancelled; the OS
// thread that carries it goes on. Everywhere else they are libc's.
//
// As in glibc, the frames are left by a forced unwinding: destructors run, catch (...) is entered and must throw on, and
// catch (abi::__forced_unwind&) is where one may tell. A handler that does not throw on ends the process. The library's own
// handlers all let it through, but for those that end something of its own (end_thread_exit).
//
// glibc's function is not used in a task, for it marks the OS thread as one that exits: setuid() of the process would leave it
// out ever after. The unwinding is our own, and its state is the task's: a destructor may wait meanwhile, and go on in another
// thread. What C code has registered by pthread_cleanup_push is run on the way, if it was registered on this stack and nobody
// else has registered something on this OS thread since. (Where a call does not reach ours, in a library that was bound to
// libc's, it ends the task just the same, and leaves that mark.)
#pragma once

#include <ramie/detail/ground/forced_unwind.hpp>

namespace ramie::detail {

class task;

// In a handler of forced_unwind that ends what the unwinding was to end, and is left without throwing on.
void end_thread_exit() noexcept;

// While one lives, this plain thread runs that job, in frames below it.
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
