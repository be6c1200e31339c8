// The handler that was there before ours, and how to hand a signal on to it as if ours were not there.
#pragma once

#include <csignal>

namespace ramie::detail {

// For SIGSEGV or SIGBUS.
class previous_handler {
  public:
    using handler = void (*)(int, siginfo_t*, void*);

    explicit constexpr previous_handler(int signal) noexcept : signal_(signal) {}

    // Installs our handler, on the alternate stack, and remembers the one before. May be called again: it then does
    // something only if ours was reset to the default meanwhile. (Another function in our place may well call ours; if
    // ours then called it, that would be a loop.)
    void replace_by(handler) noexcept;

    // Runs the handler before ours, if it is a function.
    void call(siginfo_t*, void* context) noexcept;

    // The same; but if the reaction is the system's, it is left to the system: back in the faulting instruction the
    // process dies with the right signal, address and registers in its core.
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
