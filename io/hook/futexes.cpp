// Futexes that code waits on by libc's syscall(): std::atomic::wait, std::future, std::latch, std::counting_semaphore,
// and locks of other languages. A fiber's FUTEX_WAIT takes a place in the parking lot; FUTEX_WAKE wakes waiters there
// first, then in the kernel. The kernel handles the rest: waits by bit sets other than "any", the other commands, and
// system calls that are made without libc. A wake from another process, or by such a call, is found by looking.
//
// An abort does not end such a wait: its caller does not expect that.
#include "waiting.hpp"

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::hook {

namespace {

using detail::lot_wait;

struct word {
    int const* at;
    int expected;
    bool waited = false;
};

int attempt_word(void* argument) noexcept {
    auto& w = *static_cast<word*>(argument);
    // acquire: after the change is seen, so is what was written before it, as after the kernel's wait.
    if (__atomic_load_n(w.at, __ATOMIC_ACQUIRE) == w.expected) {
        w.waited = true;
        return lot_wait::again;
    }
    return w.waited ? 0 : EAGAIN;
}

timespec monotonic_time_after(timespec const& duration) noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec = duration.tv_sec > LONG_MAX - t.tv_sec - 1 ? LONG_MAX - 1 : t.tv_sec + duration.tv_sec;
    t.tv_nsec += duration.tv_nsec;
    if (t.tv_nsec >= 1'000'000'000) ++t.tv_sec, t.tv_nsec -= 1'000'000'000;
    return t;
}

long wait_on_word(detail::hook_calls const& calls, int const* at, int operation, int expected, timespec const* time) noexcept {
    if (time != nullptr && (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= 1'000'000'000)) {
        errno = EINVAL;
        return -1;
    }
    bool const absolute = (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    timespec const until = time == nullptr ? timespec{} : absolute ? *time : monotonic_time_after(*time);
    word waited_for{at, expected};
    lot_wait w;
    w.address = at;
    w.attempt = attempt_word;
    w.argument = &waited_for;
    w.what = "futex";
    w.until = time != nullptr ? &until : nullptr;
    w.clock = absolute && (operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    w.by_call = true;
    auto const result = calls.wait_in_lot(w);
    if (result == 0) return 0;
    errno = result;
    return -1;
}

// Returns how many were woken, at most `most`.
long wake_word(detail::hook_calls const& calls, void const* at, long most) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the waiter's count
    if (!is_wanted(calls, at)) return 0;
    if (most == INT_MAX) return calls.wake_in_lot(at, detail::lot_wake::all);
    long woken = 0;
    while (woken < most && calls.wake_in_lot(at, detail::lot_wake::one) != 0) ++woken;
    return woken;
}

}  // namespace

}  // namespace ramie::hook

// Like libc's function it reads six words, however many arguments there are. AddressSanitizer reports the words beyond
// them.
RAMIE_EXPORTED __attribute__((no_sanitize("address"))) long syscall(long number, ...) noexcept {
    using namespace ramie::hook;
    std::va_list rest;
    va_start(rest, number);
    long a[6];
    for (auto& each : a) each = va_arg(rest, long);
    va_end(rest);
    auto const* const calls = number == SYS_futex ? introduced() : nullptr;
    if (calls == nullptr) return real().syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);

    auto* const at = reinterpret_cast<int*>(a[0]);
    auto const operation = static_cast<int>(a[1]);
    auto const command = operation & FUTEX_CMD_MASK;
    bool const has_bits = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    bool const for_any = !has_bits || static_cast<unsigned>(a[5]) == FUTEX_BITSET_MATCH_ANY;
    if ((command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) && for_any && calls->is_hooked() &&
        !is_from_allocator(__builtin_return_address(0))) {
        take_turns(*calls, __builtin_return_address(0));
        return wait_on_word(*calls, at, operation, static_cast<int>(a[2]), reinterpret_cast<timespec const*>(a[3]));
    }
    if ((command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) && for_any) {
        auto const most = static_cast<long>(static_cast<int>(a[2]));
        auto const ours = most > 0 ? wake_word(*calls, at, most) : 0;
        if (ours != 0 && ours == most) return ours;
        auto const left = most == INT_MAX ? most : most - ours;
        auto const kernels = real().syscall(number, a[0], a[1], left, a[3], a[4], a[5]);
        return kernels < 0 && ours != 0 ? ours : kernels + (kernels < 0 ? 0 : ours);
    }
    return real().syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
