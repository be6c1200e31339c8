// epoll_wait's newer forms.
#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"
#include "posix/epoll_until.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix.hpp>

namespace ramie {

using detail::calling_fiber;
using detail::libc;

int posix::epoll_pwait(int epoll, epoll_event* events, int count, int timeout_ms, sigset_t const* mask) {
    if (mask == nullptr) return posix::epoll_wait(epoll, events, count, timeout_ms);
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().epoll_pwait(epoll, events, count, timeout_ms, mask);
    if (!detail::may_go_on(*self, "epoll_wait")) return -1;
    if (timeout_ms == 0) return libc().epoll_pwait(epoll, events, count, 0, mask);
    auto const limit = timeout_ms < 0 ? detail::never : detail::after(std::chrono::milliseconds(timeout_ms));
    return detail::epoll_until(*self, epoll, events, count, limit, mask);
}

// Its time limit is finer than epoll_wait's.
int posix::epoll_pwait2(int epoll, epoll_event* events, int count, timespec const* timeout, sigset_t const* mask) {
    auto* const self = calling_fiber();
    bool const is_wrong = timeout != nullptr && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
                                                 timeout->tv_nsec >= 1'000'000'000);
    bool const has_no_time = timeout != nullptr && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
    if (self == nullptr || is_wrong) return libc().epoll_pwait2(epoll, events, count, timeout, mask);
    if (!detail::may_go_on(*self, "epoll_wait")) return -1;
    if (has_no_time) return libc().epoll_pwait(epoll, events, count, 0, mask);
    auto const limit = timeout == nullptr ? detail::never : detail::after(detail::duration_of(*timeout));
    return detail::epoll_until(*self, epoll, events, count, limit, mask);
}

}  // namespace ramie
