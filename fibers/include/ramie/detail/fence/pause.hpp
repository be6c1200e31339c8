// For a thread that reads a word again and again.
#pragma once

#if defined(RAMIE_MODEL)
#include <model/atomic.hpp>
#else
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ramie::detail {

#if defined(RAMIE_MODEL)

inline void cpu_pause() noexcept { model::wait_for_a_change(); }
inline void give_processor_away() noexcept { model::wait_for_a_change(); }

#else

// Tells the processor.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}
// Tells the system: the thread that is waited for may have been preempted. Not sched_yield(): with libramie-hook in the
// process that lets the worker's other fibers run, here and now, even if the caller holds a lock.
inline void give_processor_away() noexcept { (void)::syscall(SYS_sched_yield); }

#endif

// Between two looks at a word that another running thread changes within a few instructions. If that thread is not
// running, the system must let it run.
class spin_wait {
  public:
    void once() noexcept {
        if (++spins_ <= 100) cpu_pause();
        else give_processor_away();
    }

  private:
    int spins_ = 0;
};

}  // namespace ramie::detail
