// Waiting for signals.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/pending_signals.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix.hpp>
#include <ramie/posix_signals.hpp>

#include <optional>

namespace ramie {

using detail::after_handler;
using detail::calling_fiber;
using detail::libc;
namespace main_fiber = detail::main_fiber;
using detail::may_go_on;
using detail::pending_signals;

namespace {

constexpr timespec without_waiting{};

// 1: an attempt is worth while; 0: the time is over; -1: errno.
int wait_for(pending_signals const& pending, timespec const* most) noexcept {
    if (!pending.is_open()) return -1;
    pollfd asked{pending.number(), POLLIN, 0};
    return posix::ppoll(&asked, 1, most, nullptr);
}

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
    main_fiber::whole_call const one(*self, after_handler::ends);
    pending_signals const pending(*set);
    for (;;) {
        auto const left = timeout != nullptr ? detail::timespec_of(until) : without_waiting;
        auto const noticed = wait_for(pending, timeout != nullptr ? &left : nullptr);
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
    main_fiber::whole_call const one(*self, after_handler::ends, true);
    return posix::ppoll(nullptr, 0, nullptr, mask);
}

int posix::pause() {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().pause();
    if (!may_go_on(*self, "pause")) return -1;
    // Handlers run on any thread: the main fiber is told of them, other fibers wait for those of a thread of the pool.
    if (!main_fiber::is(*self))
        return detail::call_on_pool(*self, [] { return libc().pause(); }, after_handler::goes_on, detail::after_signal::give_up);
    errno = detail::park_here(*self, self->state.generation(), {"pause"}, detail::never, after_handler::ends);
    return -1;
}

}  // namespace ramie
