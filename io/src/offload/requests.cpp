// Waiting for the work of libc's own helper threads: asynchronous I/O and look-ups.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix_requests.hpp>

namespace ramie {

using detail::call_on_pool;
using detail::calling_fiber;
using detail::libc;
using detail::may_go_on;
using detail::time_point;

namespace {

constexpr timespec no_time{};

time_point request_limit(timespec const* timeout) noexcept {
    return timeout != nullptr ? detail::after(detail::duration_of(*timeout)) : detail::never;
}

}  // namespace

int posix::aio_suspend(aiocb const* const requests[], int count, timespec const* timeout) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().aio_suspend(requests, count, timeout);
    if (!may_go_on(*self, "aio_suspend")) return -1;
    auto const until = request_limit(timeout);
    auto const done = libc().aio_suspend(requests, count, &no_time);
    if (done == 0 || errno != EAGAIN || until <= detail::carrier::now()) return done;
    auto const call = [=] {
        auto const left = detail::timespec_of(until);
        return libc().aio_suspend(requests, count, timeout != nullptr ? &left : nullptr);
    };
    return call_on_pool(*self, call, detail::after_handler::ends);
}

// Does what libc's does, but in steps: libc's version counts its requests on the waiting thread's stack, and is not
// safe to interrupt.
int posix::lio_listio(int mode, aiocb* const requests[], int count, sigevent* done) {
    auto* const self = calling_fiber();
    if (self == nullptr || mode != LIO_WAIT) return libc().lio_listio(mode, requests, count, done);
    if (!may_go_on(*self, "lio_listio")) return -1;
    auto const begun = libc().lio_listio(LIO_NOWAIT, requests, count, nullptr);
    if (begun < 0 && errno == EINVAL) return -1;
    bool failed = begun < 0;
    for (int i = 0; i < count; ++i) {
        aiocb const* const each = requests[i];
        if (each == nullptr || each->aio_lio_opcode == LIO_NOP) continue;
        while (::aio_error(each) == EINPROGRESS) {
            if (posix::aio_suspend(&each, 1, nullptr) < 0) return -1;
        }
        failed |= ::aio_error(each) != 0;
    }
    if (!failed) return 0;
    errno = EIO;
    return -1;
}

int posix::gai_suspend(gaicb const* const requests[], int count, timespec const* timeout) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().gai_suspend(requests, count, timeout);
    if (!may_go_on(*self, "gai_suspend")) return EAI_INTR;
    auto const until = request_limit(timeout);
    auto code = libc().gai_suspend(requests, count, &no_time);
    // After the time limit, glibc says EAI_AGAIN or EAI_SYSTEM.
    if ((code != EAI_AGAIN && code != EAI_SYSTEM) || until <= detail::carrier::now()) return code;
    code = EAI_INTR;
    auto const call = [&] {
        auto const left = detail::timespec_of(until);
        code = libc().gai_suspend(requests, count, timeout != nullptr ? &left : nullptr);
        errno = EINTR;
        return code == EAI_INTR ? -1 : 0;
    };
    call_on_pool(*self, call, detail::after_handler::ends);
    return code;
}

// In steps, like lio_listio().
int posix::getaddrinfo_a(int mode, gaicb* requests[], int count, sigevent* done) {
    auto* const self = calling_fiber();
    if (self == nullptr || mode != GAI_WAIT) return libc().getaddrinfo_a(mode, requests, count, done);
    if (!may_go_on(*self, "getaddrinfo_a")) return EAI_INTR;
    auto const begun = libc().getaddrinfo_a(GAI_NOWAIT, requests, count, nullptr);
    for (int i = 0; i < count; ++i) {
        gaicb const* const each = requests[i];
        while (each != nullptr && ::gai_error(requests[i]) == EAI_INPROGRESS) {
            if (posix::gai_suspend(&each, 1, nullptr) == EAI_INTR) return EAI_INTR;
        }
    }
    return begun;
}

}  // namespace ramie
