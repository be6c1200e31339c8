#include "overflow/signal_chain.hpp"

#include <cstdlib>

#include <pthread.h>
#include <ucontext.h>

namespace ramie::detail {

namespace {

constinit previous_handler on_segv{SIGSEGV};
constinit previous_handler on_bus{SIGBUS};

bool is_function(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

void restore_default(int signal) noexcept {
    struct sigaction plain = {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(signal, &plain, nullptr);
}

}  // namespace

previous_handler& previous_handler_of(int signal) noexcept { return signal == SIGBUS ? on_bus : on_segv; }

void previous_handler::replace_by(handler ours) noexcept {
    struct sigaction present = {};
    ::sigaction(signal_, nullptr, &present);
    if (installed_ && is_function(present)) return;
    installed_ = true;
    before_ = present;  // stored first: ours may run as soon as it is installed
    struct sigaction action = {};
    // A fault during the report kills at once.
    ::sigaddset(&action.sa_mask, SIGSEGV);
    ::sigaddset(&action.sa_mask, SIGBUS);
    action.sa_sigaction = ours;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(signal_, &action, nullptr);
}

void previous_handler::call(siginfo_t* info, void* context) noexcept {
    if (!is_function(before_)) return;
    auto const action = before_;
    if ((action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) before_ = {};  // it had asked to be called only once
    // The signal mask that the kernel would have given it.
    auto mask = static_cast<ucontext_t const*>(context)->uc_sigmask;
    sigset_t kept;
    if ((action.sa_flags & SA_NODEFER) == 0) ::sigaddset(&mask, signal_);
    ::pthread_sigmask(SIG_SETMASK, &mask, &kept);
    ::pthread_sigmask(SIG_BLOCK, &action.sa_mask, nullptr);
    if ((action.sa_flags & SA_SIGINFO) != 0) action.sa_sigaction(signal_, info, context);
    else action.sa_handler(signal_);
    ::pthread_sigmask(SIG_SETMASK, &kept, nullptr);
}

void previous_handler::pass(siginfo_t* info, void* context) noexcept {
    if (is_function(before_)) return call(info, context);
    bool const sent = info->si_code <= 0;
    // The system ignores a sent signal if told to, but never a fault.
    if (sent && before_.sa_handler == SIG_IGN) return;
    restore_default(signal_);
    // A fault happens again when the handler returns. A sent signal must be sent again; it arrives when the handler
    // returns.
    if (sent) ::raise(signal_);
}

void die_of_signal(int signal) noexcept {
    restore_default(signal);
    sigset_t just_this;
    ::sigemptyset(&just_this);
    ::sigaddset(&just_this, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &just_this, nullptr);
    ::raise(signal);
    std::abort();
}

}  // namespace ramie::detail
