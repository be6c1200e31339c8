// A stack overflow is reported with the task's name before it ends the process.
//
// On a guarded stack the fault comes as SIGSEGV or SIGBUS, on the thread's alternate signal stack (a signal_stack per
// thread; without one the kernel kills the process without a report). A fault is reported if its address lies in the
// guard of the fiber that runs on the thread, or the stack pointer lies below that fiber's stack: a frame larger than
// the guard. Then it is passed to the handler that was there before (a crash reporter wants to know), and kills by the
// same signal, in a frame called ramie_fiber_stack_overflow. Any other fault goes to that handler as if Ramie were not
// there. Without a fault: the switch finds the stack pointer below the stack, or the canary of an unguarded stack
// overwritten, and calls die_of_overflow.
#pragma once

#include <ramie/detail/stack/stack.hpp>

#include <cstddef>
#include <cstdint>

namespace ramie::detail {

struct overflow_description {
    char const* name = nullptr;  // null or empty: the task has none
    std::uint64_t id = 0;
    char const* file = nullptr;  // where it was spawned; null: unknown
    unsigned line = 0;
    stack const* where = nullptr;
    void const* sp = nullptr;  // the stack pointer, if known
};

// Describes the fiber that this thread runs now; false if it runs none. Async-signal-safe.
using describe_fiber = bool (*)(overflow_description&) noexcept;

// Process-wide. May be called again: the newest description serves.
void install_overflow_report(describe_fiber) noexcept;

// Prints the report and aborts the process.
[[noreturn]] void die_of_overflow(overflow_description const&) noexcept;

// Gives the constructing thread an alternate signal stack, unless it has one (a sanitizer's, or the program's). The
// destructor, on the same thread, removes it.
class signal_stack {
  public:
    signal_stack() noexcept;
    ~signal_stack();
    signal_stack(signal_stack const&) = delete;
    signal_stack& operator=(signal_stack const&) = delete;

  private:
    void* mapping_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ramie::detail
