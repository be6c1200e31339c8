// A descriptor that is readable while a signal is pending that this thread blocks: how a fiber waits for what a thread would
// wait for in the kernel. libc's own call then takes the signal, or lets it through, on the caller's thread and without waiting.
#pragma once

#include "posix/foreign_descriptor.hpp"
#include "ready/unique_fd.hpp"

#include <signal.h>
#include <sys/signalfd.h>

namespace ramie::detail {

// What `mask` allows and the calling thread blocks. False: nothing.
inline bool find_let_through(sigset_t const& mask, sigset_t& found) noexcept {
    sigset_t blocked;
    ::sigemptyset(&found);
    if (::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0) return false;
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (::sigismember(&blocked, number) == 1 && ::sigismember(&mask, number) == 0) ::sigaddset(&found, number);
    }
    return ::sigisemptyset(&found) == 0;
}

class pending_signals {
  public:
    explicit pending_signals(sigset_t const& of) noexcept : fd_(::signalfd(-1, &of, SFD_CLOEXEC | SFD_NONBLOCK)) {
        if (is_open()) foreign_table::forget(fd_.get());
    }
    ~pending_signals() {
        if (is_open()) foreign_table::forget(fd_.get());
    }
    pending_signals(pending_signals const&) = delete;
    pending_signals& operator=(pending_signals const&) = delete;

    // False: errno says why.
    bool is_open() const noexcept { return fd_.get() >= 0; }
    int number() const noexcept { return fd_.get(); }

  private:
    unique_fd fd_;
};

}  // namespace ramie::detail
