// poll, select and epoll_wait.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/epoll_until.hpp"
#include "posix/news.hpp"
#include "posix/pending_signals.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix.hpp>

#include <new>
#include <optional>
#include <utility>

namespace ramie {

using detail::calling_fiber;
using detail::libc;
using detail::time_point;

namespace {

// If epoll refuses a descriptor (epolls inside epolls may be only so many levels deep, and two levels are ours), a
// thread of the blocking pool waits for it.
int poll_on_pool(detail::waiter& self, pollfd* fds, nfds_t count, time_point limit) noexcept {
    auto const call = [=] {
        auto const left = detail::timespec_of(limit);
        return libc().ppoll(fds, count, limit == detail::never ? nullptr : &left, nullptr);
    };
    return detail::call_on_pool(self, call, detail::after_handler::ends);
}

// poll() of a fiber. If the list is wrong, libc's poll reports it.
int poll_until(detail::waiter& self, char const* what, pollfd* fds, nfds_t count, time_point limit) noexcept try {
    if (!detail::may_go_on(self, what)) return -1;
    if (auto const ready = libc().poll(fds, count, 0); ready != 0) return ready;
    std::optional<detail::news> any(std::in_place, self, what);
    for (;;) {
        if (!any->expect({fds, count})) {
            if (errno != ELOOP && errno != EINVAL) return -1;
            any.reset();  // no longer queued: the pool thread waits instead
            return poll_on_pool(self, fds, count, limit);
        }
        if (!any->all_asked()) {
            if (auto const ready = libc().poll(fds, count, 0); ready != 0) return ready;
        }
        auto const ended = any->wait(limit);
        auto const ready = libc().poll(fds, count, 0);
        if (ready != 0 || ended == EAGAIN) return ready;
        if (ended != 0) {
            errno = ended;
            return -1;
        }
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

constexpr timespec no_time{};

// With a mask: signals that the thread blocks, and the mask does not, are handled in this call, which then ends with EINTR.
// Handling is the kernel's, by a call without waiting; what is waited for is that there is something to handle.
int poll_until(detail::waiter& self, char const* what, pollfd* fds, nfds_t count, time_point limit,
               sigset_t const* mask) noexcept try {
    if (mask == nullptr) return poll_until(self, what, fds, count, limit);
    detail::main_fiber::whole_call const one(self, detail::after_handler::ends, true);
    sigset_t let_through;
    if (!detail::find_let_through(*mask, let_through)) return poll_until(self, what, fds, count, limit);
    detail::pending_signals const pending(let_through);
    if (!pending.is_open()) return -1;
    std::vector<pollfd> all(fds, fds + count);
    all.push_back({pending.number(), POLLIN, 0});
    for (;;) {
        if (!detail::may_go_on(self, what)) return -1;
        auto const ready = libc().ppoll(fds, count, &no_time, mask);
        if (ready < 0 && errno == EINTR) detail::main_fiber::was_told(self);
        if (ready != 0) return ready;
        if (auto const some = poll_until(self, what, all.data(), all.size(), limit); some <= 0) return some;
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

bool is_valid(timespec const& t) noexcept {
    return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < 1'000'000'000;
}

time_point limit_after(int timeout_ms) noexcept {
    return timeout_ms < 0 ? detail::never : detail::after(std::chrono::milliseconds(timeout_ms));
}

// A select's three sets as a list for poll, and back.
class sets {
  public:
    sets(int count, fd_set* readable, fd_set* writable, fd_set* exceptional)
        : count_(count), readable_(readable), writable_(writable), exceptional_(exceptional) {
        for (int fd = 0; fd < count; ++fd) {
            int events = 0;
            if (has(readable_, fd)) events |= POLLIN;
            if (has(writable_, fd)) events |= POLLOUT;
            if (has(exceptional_, fd)) events |= POLLPRI;
            if (events != 0) list.push_back({fd, static_cast<short>(events), 0});
        }
    }

    // The number of bits; -1 and EBADF.
    int put_back() noexcept {
        for (auto const& each : list) {
            if ((each.revents & POLLNVAL) == 0) continue;
            errno = EBADF;
            return -1;
        }
        for (auto* const set : {readable_, writable_, exceptional_}) {
            for (int fd = 0; set != nullptr && fd < count_; ++fd) word(set, fd) &= ~bit(fd);
        }
        int bits = 0;
        auto const give = [&](fd_set* set, pollfd const& from, short asked, int counts) {
            if ((from.events & asked) == 0 || (from.revents & counts) == 0) return;
            word(set, from.fd) |= bit(from.fd);
            ++bits;
        };
        for (auto const& each : list) {
            // The events that count as readable, writable and exceptional in the kernel's select.
            give(readable_, each, POLLIN, POLLIN | POLLHUP | POLLERR);
            give(writable_, each, POLLOUT, POLLOUT | POLLERR);
            give(exceptional_, each, POLLPRI, POLLPRI);
        }
        return bits;
    }

    // A hang-up alone does not make a descriptor writable or exceptional for a select.
    std::vector<pollfd> list;

  private:
    // The sets may be longer than an fd_set (their user allocated them so), and some compilers' FD_SET checks the
    // length.
    static fd_mask& word(fd_set* set, int fd) noexcept { return reinterpret_cast<fd_mask*>(set)[fd / NFDBITS]; }
    static fd_mask bit(int fd) noexcept { return static_cast<fd_mask>(1ul << (fd % NFDBITS)); }
    static bool has(fd_set* set, int fd) noexcept { return set != nullptr && (word(set, fd) & bit(fd)) != 0; }

    int const count_;
    fd_set *const readable_, *const writable_, *const exceptional_;
};

int select_until(detail::waiter& self, int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                 time_point limit, sigset_t const* mask = nullptr) noexcept try {
    sets s(count, readable, writable, exceptional);
    for (;;) {
        auto const ready = poll_until(self, "select", s.list.data(), s.list.size(), limit, mask);
        if (ready < 0) return -1;
        if (ready == 0) return s.put_back();
        auto const bits = s.put_back();
        if (bits != 0) return bits;
        // Only hang-ups that the caller did not ask for: such descriptors report nothing new any more.
        for (auto& each : s.list)
            if (each.revents != 0) each.fd = -1;
    }
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

}  // namespace

int posix::poll(pollfd* fds, nfds_t count, int timeout_ms) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().poll(fds, count, timeout_ms);
    if (timeout_ms == 0) return detail::may_go_on(*self, "poll") ? libc().poll(fds, count, 0) : -1;
    return poll_until(*self, "poll", fds, count, limit_after(timeout_ms));
}

int posix::ppoll(pollfd* fds, nfds_t count, timespec const* timeout, sigset_t const* mask) {
    auto* const self = calling_fiber();
    bool const waits = timeout == nullptr || (is_valid(*timeout) && (timeout->tv_sec != 0 || timeout->tv_nsec != 0));
    if (self == nullptr) return libc().ppoll(fds, count, timeout, mask);
    if (!waits) return detail::may_go_on(*self, "poll") ? libc().ppoll(fds, count, timeout, mask) : -1;
    return poll_until(*self, "poll", fds, count,
                      timeout == nullptr ? detail::never : detail::after(detail::duration_of(*timeout)), mask);
}

int posix::select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout) {
    auto* const self = calling_fiber();
    bool const waits = timeout == nullptr ||
                       (timeout->tv_sec >= 0 && timeout->tv_usec >= 0 && (timeout->tv_sec > 0 || timeout->tv_usec > 0));
    if (self == nullptr || count < 0) return libc().select(count, readable, writable, exceptional, timeout);
    if (!waits)
        return detail::may_go_on(*self, "select") ? libc().select(count, readable, writable, exceptional, timeout) : -1;
    if (timeout == nullptr) return select_until(*self, count, readable, writable, exceptional, detail::never);
    auto const limit =
        detail::after(detail::duration_of({timeout->tv_sec, 0}) + std::chrono::microseconds(timeout->tv_usec));
    auto const ready = select_until(*self, count, readable, writable, exceptional, limit);
    auto const left = detail::timespec_of(limit);  // as Linux does
    *timeout = {left.tv_sec, left.tv_nsec / 1000};
    return ready;
}

int posix::pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timespec const* timeout,
                   sigset_t const* mask) {
    auto* const self = calling_fiber();
    bool const waits = timeout == nullptr || (is_valid(*timeout) && (timeout->tv_sec != 0 || timeout->tv_nsec != 0));
    if (self == nullptr || count < 0)
        return libc().pselect(count, readable, writable, exceptional, timeout, mask);
    if (!waits)
        return detail::may_go_on(*self, "select") ? libc().pselect(count, readable, writable, exceptional, timeout, mask) : -1;
    auto const limit = timeout == nullptr ? detail::never : detail::after(detail::duration_of(*timeout));
    return select_until(*self, count, readable, writable, exceptional, limit, mask);
}

int detail::epoll_until(waiter& self, int epoll, epoll_event* events, int count, time_point limit, sigset_t const* mask) noexcept {
    for (;;) {
        if (auto const ready = libc().epoll_wait(epoll, events, count, 0); ready != 0) return ready;
        // An epoll descriptor is readable when a descriptor in it is ready.
        pollfd asked{epoll, POLLIN, 0};
        if (auto const ready = poll_until(self, "epoll_wait", &asked, 1, limit, mask); ready <= 0) return ready;
    }
}

int posix::epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().epoll_wait(epoll, events, count, timeout_ms);
    if (!detail::may_go_on(*self, "epoll_wait")) return -1;
    if (timeout_ms == 0) return libc().epoll_wait(epoll, events, count, 0);
    return detail::epoll_until(*self, epoll, events, count, limit_after(timeout_ms));
}

}  // namespace ramie
