#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <ramie/detail/switch/calling_out.hpp>

#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::detail {

bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, time_point until) noexcept {
    timespec deadline{};
    timespec* limit = nullptr;
    if (until != never) {
        // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time: what steady_clock reads.
        auto const since = until.time_since_epoch();
        auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
        deadline.tv_sec = seconds.count();
        deadline.tv_nsec = std::chrono::nanoseconds(since - seconds).count();
        limit = &deadline;
    }
    calling_out const not_the_fibers;  // libramie-hook handles fibers' own futexes
    auto const result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, nullptr,
                                  FUTEX_BITSET_MATCH_ANY);
    return !(result == -1 && errno == ETIMEDOUT);
}

void futex_wake(atomic<std::uint32_t>& word) noexcept {
    // A failure (the word is gone) means that no thread waits on it.
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace ramie::detail
