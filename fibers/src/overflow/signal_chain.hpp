// The handler that was there before ours, and how to hand a signal on to it as if ours were not there.
#pragma once

#include <csignal>

namespace ramie::detail {

// SIGSEGV's or SIGBUS's.
class previous_handler {
  public:
    using handler = void (*)(int, siginfo_t*, void*);

    explicit constexpr previous_handler(int signal) noexcept : signal_(signal) {}

    // Installs ours, on the alternate stack, and remembers what was there. Again is harmless: it does something only if
    // ours has been reset to the default meanwhile. (A function in its place may well hand on to ours, and ours to it
    // would be a circle.)
    void replace_by(handler) noexcept;

    // Runs what was there, if it is a function.
    void call(siginfo_t*, void* context) noexcept;

    // The same; and what was the system's to do is left to the system: back in the faulting instruction the process
    // dies with the right signal, address and registers in its core.
    void pass(siginfo_t*, void* context) noexcept;

  private:

    int signal_;
    bool installed_ = false;
    struct sigaction before_ = {};
};

previous_handler& previous_handler_of(int signal) noexcept;

// Ends the process by that signal, whatever is blocked or installed.
[[noreturn]] void die_of_signal(int signal) noexcept;

}  // namespace ramie::detail
