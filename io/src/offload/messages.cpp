// Message queues and semaphores between processes.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/receiving.hpp"

#include <ramie/posix.hpp>
#include <ramie/posix_messages.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace ramie {

using detail::after_handler;
using detail::call_on_pool;
using detail::calling_fiber;
using detail::libc;
using detail::may_go_on;
using detail::waiter;

namespace {

bool is_proper(timespec const& t) noexcept {
    return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < 1'000'000'000;
}

// The time left until `until`, on the clock of the mq_timed calls. False: none.
bool is_left(timespec const& until, timespec& left) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    left = {until.tv_sec - now.tv_sec, until.tv_nsec - now.tv_nsec};
    if (left.tv_nsec < 0) left = {left.tv_sec - 1, left.tv_nsec + 1'000'000'000};
    return left.tv_sec >= 0 && (left.tv_sec > 0 || left.tv_nsec > 0);
}

// attempt() says ETIMEDOUT at once if it would have to wait.
template <class Attempt>
auto exchange(waiter& self, char const* what, mqd_t queue, short event, timespec const* until, Attempt&& attempt) noexcept
    -> decltype(attempt()) {
    if (!may_go_on(self, what)) return -1;
    detail::main_fiber::whole_call const one(self, after_handler::restarts);
    for (;;) {
        auto const result = attempt();
        if (result >= 0 || errno != ETIMEDOUT) return result;
        timespec left{};
        if (until != nullptr && !is_left(*until, left)) return result;
        pollfd asked{queue, event, 0};
        if (posix::ppoll(&asked, 1, until != nullptr ? &left : nullptr, nullptr) < 0) return -1;
    }
}

constexpr timespec long_past{};

// `operations` is not empty.
bool only_gives(std::span<sembuf const> operations) noexcept {
    return std::all_of(operations.begin(), operations.end(), [](auto const& each) { return each.sem_op > 0; });
}
bool never_waits(std::span<sembuf const> operations) noexcept {
    return std::all_of(operations.begin(), operations.end(),
                       [](auto const& each) { return each.sem_op > 0 || (each.sem_flg & IPC_NOWAIT) != 0; });
}

int operate(waiter& self, int set, std::span<sembuf> operations, timespec const* timeout) noexcept try {
    auto* const first = operations.data();
    auto const count = operations.size();
    if (only_gives(operations)) return libc().semtimedop(set, first, count, timeout);
    if (!may_go_on(self, "semop")) return -1;
    if (never_waits(operations)) return libc().semtimedop(set, first, count, timeout);
    std::vector<sembuf> without_waiting(operations.begin(), operations.end());
    for (auto& each : without_waiting) each.sem_flg |= IPC_NOWAIT;
    auto const done = libc().semop(set, without_waiting.data(), count);
    if (done == 0 || errno != EAGAIN) return done;
    if (timeout == nullptr) return call_on_pool(self, [=] { return libc().semop(set, first, count); }, after_handler::ends);
    auto const until = detail::after(detail::duration_of(*timeout));
    auto const call = [=] {
        auto const left = detail::timespec_of(until);
        return libc().semtimedop(set, first, count, &left);
    };
    return call_on_pool(self, call, after_handler::ends);
} catch (std::bad_alloc const&) {
    errno = ENOMEM;
    return -1;
}

}  // namespace

ssize_t posix::msgrcv(int queue, void* message, std::size_t size, long type, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().msgrcv(queue, message, size, type, flags);
    if (!may_go_on(*self, "msgrcv")) return -1;
    auto const received = libc().msgrcv(queue, message, size, type, flags | IPC_NOWAIT);
    if (received >= 0 || errno != ENOMSG || (flags & IPC_NOWAIT) != 0) return received;
    return call_on_pool(*self, [=] { return libc().msgrcv(queue, message, size, type, flags); }, after_handler::ends);
}

int posix::msgsnd(int queue, void const* message, std::size_t size, int flags) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().msgsnd(queue, message, size, flags);
    if (!may_go_on(*self, "msgsnd")) return -1;
    auto const sent = libc().msgsnd(queue, message, size, flags | IPC_NOWAIT);
    if (sent == 0 || errno != EAGAIN || (flags & IPC_NOWAIT) != 0) return sent;
    return call_on_pool(*self, [=] { return libc().msgsnd(queue, message, size, flags); }, after_handler::ends);
}

int posix::semop(int set, sembuf* operations, std::size_t count) {
    return posix::semtimedop(set, operations, count, nullptr);
}

int posix::semtimedop(int set, sembuf* operations, std::size_t count, timespec const* timeout) {
    constexpr std::size_t most = 500;  // SEMOPM
    auto* const self = calling_fiber();
    bool const is_wrong = count == 0 || count > most || operations == nullptr || (timeout && !is_proper(*timeout));
    if (self == nullptr || is_wrong) return libc().semtimedop(set, operations, count, timeout);
    return operate(*self, set, {operations, count}, timeout);
}

ssize_t posix::mq_receive(mqd_t queue, char* into, std::size_t size, unsigned* priority) {
    return posix::mq_timedreceive(queue, into, size, priority, nullptr);
}

ssize_t posix::mq_timedreceive(mqd_t queue, char* into, std::size_t size, unsigned* priority, timespec const* until) {
    auto* const self = calling_fiber();
    if (self == nullptr || (until != nullptr && !is_proper(*until)))
        return libc().mq_timedreceive(queue, into, size, priority, until);
    return exchange(*self, "mq_receive", queue, POLLIN, until,
                    [=] { return libc().mq_timedreceive(queue, into, size, priority, &long_past); });
}

int posix::mq_send(mqd_t queue, char const* from, std::size_t size, unsigned priority) {
    return posix::mq_timedsend(queue, from, size, priority, nullptr);
}

int posix::mq_timedsend(mqd_t queue, char const* from, std::size_t size, unsigned priority, timespec const* until) {
    auto* const self = calling_fiber();
    if (self == nullptr || (until != nullptr && !is_proper(*until)))
        return libc().mq_timedsend(queue, from, size, priority, until);
    return exchange(*self, "mq_send", queue, POLLOUT, until,
                    [=] { return libc().mq_timedsend(queue, from, size, priority, &long_past); });
}

}  // namespace ramie
