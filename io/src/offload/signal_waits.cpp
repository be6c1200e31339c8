// Waiting for signals.
//
// A signalfd reports that a signal is pending; libc's own call then takes the signal, on the caller's thread, without
// waiting.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/receiving.hpp"
#include "ready/unique_fd.hpp"

#include <ramie/posix.hpp>
#include <ramie/posix_signals.hpp>

#include <optional>

#include <sys/signalfd.h>

namespace ramie {

using detail::calling_fiber;
using detail::libc;
using detail::may_go_on;

namespace {

constexpr timespec without_waiting{};

class pending_signals {
  public:
    explicit pending_signals(sigset_t const& of) noexcept : fd_(::signalfd(-1, &of, SFD_CLOEXEC | SFD_NONBLOCK)) {
        if (is_open()) detail::foreign_table::forget(fd_.get());
    }
    ~pending_signals() {
        if (is_open()) detail::foreign_table::forget(fd_.get());
    }
    pending_signals(pending_signals const&) = delete;
    pending_signals& operator=(pending_signals const&) = delete;

    // 1: an attempt is worth while; 0: the time is over; -1: errno.
    int wait(timespec const* most) noexcept {
        if (!is_open()) return -1;
        pollfd asked{fd_.get(), POLLIN, 0};
        return posix::ppoll(&asked, 1, most, nullptr);
    }

  private:
    bool is_open() const noexcept { return fd_.get() >= 0; }
    detail::unique_fd fd_;
};

}  // namespace

int posix::sigtimedwait(sigset_t const* set, siginfo_t* about, timespec const* timeout) {
    auto* const self = calling_fiber();
    bool const is_wrong = set == nullptr || (timeout && (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1'000'000'000));
    if (self == nullptr || is_wrong) return libc().sigtimedwait(set, about, timeout);
    if (!may_go_on(*self, "sigwait")) return -1;
    auto taken = libc().sigtimedwait(set, about, &without_waiting);
    if (taken > 0 || errno != EAGAIN) return taken;
    auto const until = timeout != nullptr ? detail::after(detail::duration_of(*timeout)) : detail::never;
    if (until <= detail::carrier::now()) return taken;
    pending_signals pending(*set);
    for (;;) {
        auto const left = timeout != nullptr ? detail::timespec_of(until) : without_waiting;
        auto const noticed = pending.wait(timeout != nullptr ? &left : nullptr);
        if (noticed < 0) return -1;
        taken = libc().sigtimedwait(set, about, &without_waiting);
        if (taken > 0 || errno != EAGAIN || noticed == 0) return taken;
    }
}

int posix::sigwait(sigset_t const* set, int* number) {
    siginfo_t about{};
    int taken = -1;
    do {
        taken = posix::sigtimedwait(set, &about, nullptr);
    } while (taken < 0 && errno == EINTR);
    if (taken < 0) return errno;
    *number = taken;
    return 0;
}

int posix::sigsuspend(sigset_t const* mask) {
    auto* const self = calling_fiber();
    if (self == nullptr || mask == nullptr) return libc().sigsuspend(mask);
    if (!may_go_on(*self, "sigsuspend")) return -1;
    sigset_t let_through;
    ::sigemptyset(&let_through);
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (::sigismember(mask, number) == 0) ::sigaddset(&let_through, number);
    }
    std::optional<pending_signals> pending;
    for (;;) {
        // Lets pending signals through, so that they are handled here and now.
        if (libc().ppoll(nullptr, 0, &without_waiting, mask) < 0) return -1;
        if (!pending) pending.emplace(let_through);
        if (pending->wait(nullptr) < 0) return -1;
    }
}

int posix::pause() {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().pause();
    if (!may_go_on(*self, "pause")) return -1;
    return detail::call_on_pool(*self, [] { return libc().pause(); }, detail::after_signal::give_up);
}

}  // namespace ramie
