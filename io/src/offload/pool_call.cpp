#include "offload/pool_call.hpp"

#include <csignal>

namespace ramie::detail {

namespace {

// The highest real-time signal without a handler; -1: there is none, and calls are not interrupted. Its handler does
// nothing: it is there because an ignored signal does not interrupt a call.
int claim_signal() noexcept {
    for (int number = SIGRTMAX - 1; number >= SIGRTMIN; --number) {
        struct sigaction now {};
        if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
        struct sigaction ours {};
        ours.sa_handler = [](int) {};
        if (::sigaction(number, &ours, nullptr) == 0) return number;
    }
    return -1;
}

int interrupting_signal() noexcept {
    static int const number = claim_signal();
    return number;
}

}  // namespace

bool interruptible_call::begin() noexcept {
    if (auto const number = interrupting_signal(); number > 0) {
        sigset_t it;
        ::sigemptyset(&it);
        ::sigaddset(&it, number);
        ::pthread_sigmask(SIG_UNBLOCK, &it, nullptr);  // the thread may have begun with any mask
    }
    std::lock_guard const held(lock_);
    if (interrupted_) return false;
    thread_ = ::pthread_self();
    under_way_ = true;
    return true;
}

void interruptible_call::end() noexcept {
    std::lock_guard const held(lock_);
    under_way_ = false;
}

void interruptible_call::interrupt() noexcept {
    std::lock_guard const held(lock_);
    interrupted_ = true;
    if (under_way_ && interrupting_signal() > 0) ::pthread_kill(thread_, interrupting_signal());
}

bool interruptible_call::is_interrupted() const noexcept {
    std::lock_guard const held(lock_);
    return interrupted_;
}

}  // namespace ramie::detail
