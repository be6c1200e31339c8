// epoll_wait's newer forms.
#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix.hpp>

namespace ramie {

using detail::calling_fiber;
using detail::libc;

int posix::epoll_pwait(int epoll, epoll_event* events, int count, int timeout_ms, sigset_t const* mask) {
    if (calling_fiber() == nullptr) return libc().epoll_pwait(epoll, events, count, timeout_ms, mask);
    return posix::epoll_wait(epoll, events, count, timeout_ms);
}

// Its time limit is finer than epoll_wait's.
int posix::epoll_pwait2(int epoll, epoll_event* events, int count, timespec const* timeout, sigset_t const* mask) {
    bool const is_wrong = timeout != nullptr && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
                                                 timeout->tv_nsec >= 1'000'000'000);
    if (calling_fiber() == nullptr || is_wrong) return libc().epoll_pwait2(epoll, events, count, timeout, mask);
    if (timeout == nullptr) return posix::epoll_wait(epoll, events, count, -1);
    auto const until = detail::after(detail::duration_of(*timeout));
    for (;;) {
        if (auto const ready = posix::epoll_wait(epoll, events, count, 0); ready != 0) return ready;
        pollfd asked{epoll, POLLIN, 0};
        auto const left = detail::timespec_of(until);
        if (auto const ready = posix::ppoll(&asked, 1, &left, nullptr); ready <= 0) return ready;
    }
}

}  // namespace ramie
