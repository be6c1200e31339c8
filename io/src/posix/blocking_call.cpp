#include "posix/blocking_call.hpp"

#include "libc/libc_calls.hpp"
#include "ready/interest_set.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/refusal.hpp>
#include <ramie/detail/worker/stay.hpp>

#include <chrono>
#include <new>
#include <optional>

#include <fcntl.h>
#include <sys/socket.h>

namespace ramie::detail {

waiter* running_fiber() noexcept {
    auto* const here = carrier::this_lane();
    if (here == nullptr || here->current == nullptr || here->is_switching() || here->calls_out) return nullptr;
    auto* const stack = here->current->stack;
    auto const* const frame = static_cast<std::byte const*>(__builtin_frame_address(0));
    if (stack == nullptr || frame < stack->bottom || frame >= stack->top) return nullptr;
    return home_process::is_here() ? here->current.get() : nullptr;
}

waiter* calling_fiber() noexcept {
    auto* const self = running_fiber();
    if (self != nullptr && main_fiber::is(*self)) [[unlikely]] main_fiber::enter();
    if (self == nullptr || !carrier::this_lane()->spend(fiber_budget::system_call)) return self;
    stay const here(*self);
    carrier::this_lane()->yield();
    return self;
}

namespace {

// 0, or the error with which the fiber is asked to stop.
int asked_to_stop(waiter& self) noexcept {
    if (self.state.abort_requested() && !self.masked()) return ECANCELED;
    // The clock is read once per budget, by the call that has let others run.
    if (!carrier::this_lane()->has_full_budget()) return 0;
    auto limit = carrier::now();
    return self.next_deadline(uncaught_exceptions(), limit) == nullptr ? 0 : ETIMEDOUT;
}

}  // namespace

bool may_go_on(waiter& self, char const* what) noexcept {
    auto const error = asked_to_stop(self);
    if (error == 0) return true;
    stay const here(self);
    refuse(self, what);
    errno = error;
    return false;
}

bool has_failed(int fd) noexcept {
    pollfd asked{fd, 0, 0};
    return libc().poll(&asked, 1, 0) > 0 && (asked.revents & POLLERR) != 0 && (asked.revents & POLLHUP) != 0;
}

int park_here(waiter& self, std::uint64_t g, wait_reason why, time_point limit, after_handler rule) noexcept {
    stay const here(self);
    main_fiber::shown_wait shown(self, g, rule);
    if (shown.is_ended()) return EINTR;
    auto const end = park(self, g, why, nullptr, limit);
    if (shown.take_back()) return EINTR;
    if (end.woken()) return 0;
    try {
        end.raise();
    } catch (aborted const&) { return ECANCELED; } catch (deadline_passed const&) {
        return ETIMEDOUT;
    } catch (std::bad_alloc const&) {
        return ENOMEM;
    }
    return EAGAIN;
}

bool blocking_call::begin_wait(direction d) noexcept {
    if (waits_) return true;
    auto const flags = ::fcntl(fd_, F_GETFL);
    if (flags < 0) return false;
    if ((flags & O_NONBLOCK) != 0) return fail(EAGAIN);
    timeval most{};
    socklen_t size = sizeof most;
    auto const option = d == direction::read ? SO_RCVTIMEO : SO_SNDTIMEO;
    if (::getsockopt(fd_, SOL_SOCKET, option, &most, &size) == 0 && (most.tv_sec != 0 || most.tv_usec != 0))
        limit_ = after(std::chrono::seconds(most.tv_sec) + std::chrono::microseconds(most.tv_usec));
    waits_ = true;
    return true;
}

bool blocking_call::wait(direction d) noexcept {
    if (!begin_wait(d)) return false;
    try {
        return park_once(d);
    } catch (std::bad_alloc const&) { return fail(ENOMEM); }
}

// The number was closed, or is being closed. If we had waited for it before, it was our file: EBADF. Otherwise another
// thread may be about to forget an older file that had this number; the next attempt finds out whether our file is
// still there.
bool blocking_call::was_closed() noexcept {
    if (used_ != nullptr) return fail(EBADF);
    if (self_.state.abort_requested() && !self_.masked()) return fail(ECANCELED);
    stay const here(self_);
    carrier::this_lane()->yield();
    return true;
}

bool blocking_call::park_once(direction d) {
    using confirmed = foreign_descriptor::confirmed;
    auto& watcher = interest_set::current("a posix call");
    for (;;) {
        auto const number = copy_ >= 0 ? copy_ : fd_;
        auto* const known = foreign_table::at(number);
        if (known == nullptr) return false;
        auto& entry = *known;
        auto const noted = entry.readiness.look();
        // `used_`: the number was not closed since our last attempt, so that attempt was on the same file.
        if (noted.is_closed() || (used_ != nullptr && noted.generation() != generation_)) return was_closed();
        wait_node node(self_);
        node.selecting = true;
        if (!entry.readiness.enlist(d, node, true)) return was_closed();
        auto const answer = entry.confirm(number, noted.generation(), d, watcher);
        auto const error = errno;
        if (answer != confirmed::watched) {
            (void)entry.readiness.withdraw(d, node);
            switch (answer) {
            case confirmed::look_again: leave(); return true;
            case confirmed::closed: return was_closed();
            case confirmed::never_waits: never_waits_ = true; return true;
            case confirmed::failed: return fail(error);
            default: break;
            }
            if (copy_ >= 0) return fail(EEXIST);  // no other code knows that number
            leave();
            copy_ = ::fcntl(fd_, F_DUPFD_CLOEXEC, 3);
            if (copy_ < 0) return false;
            foreign_table::forget(copy_);
            continue;
        }
        if (used_ == nullptr) {
            generation_ = noted.generation();
            if (!entry.begin_use(generation_)) {
                (void)entry.readiness.withdraw(d, node);
                return was_closed();
            }
            used_ = &entry;
        }
        auto const ended = park_here(self_, node.generation, {what_, &entry}, limit_, rule());
        (void)entry.readiness.withdraw(d, node);
        auto const now = entry.readiness.look();
        if (now.is_closed() || now.generation() != generation_) return fail(EBADF);
        return ended == 0 || fail(ended == EAGAIN ? limit_error_ : ended);
    }
}

void blocking_call::leave() noexcept {
    auto const error = errno;
    if (used_ != nullptr) std::exchange(used_, nullptr)->end_use();
    if (copy_ >= 0) {
        foreign_table::forget(copy_);
        libc().close(std::exchange(copy_, -1));
    }
    errno = error;
}

}  // namespace ramie::detail
