// RAMIE_HOOK_CHECK=mutex: how many pthread mutexes a fiber holds, and a report when it parks with one. Such a mutex is
// held for as long as the wait lasts; another fiber that wants it blocks the worker, and if it is the worker that the
// first one comes back to, for ever. Mutexes that libc locks inside (stdio, malloc) are not seen.
#include "hook_state.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <execinfo.h>

namespace {

using ramie::hook::counts_locks;
using ramie::hook::introduced;
using ramie::hook::real;

std::uint16_t* count() noexcept {
    auto const* const calls = counts_locks() ? introduced() : nullptr;
    return calls != nullptr ? calls->locks_held() : nullptr;
}

int locked(int result) noexcept {
    if (result == 0) {
        if (auto* const held = count()) ++*held;
    }
    return result;
}

}  // namespace

RAMIE_EXPORTED int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    return locked(real().mutex_lock(mutex));
}
RAMIE_EXPORTED int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
    return locked(real().mutex_trylock(mutex));
}
RAMIE_EXPORTED int pthread_mutex_timedlock(pthread_mutex_t* mutex, timespec const* until) noexcept {
    return locked(real().mutex_timedlock(mutex, until));
}
RAMIE_EXPORTED int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
    auto const result = real().mutex_unlock(mutex);
    if (result == 0) {
        // One that another has locked (or that was locked before the hook was told) is not counted.
        if (auto* const held = count(); held != nullptr && *held > 0) --*held;
    }
    return result;
}

void ramie::hook::report_locks(char const* task, char const* waits_in, unsigned locks) noexcept {
    constexpr int most_frames = 32, compared = 12, most_places = 256;
    void* frames[most_frames];
    auto const count = ::backtrace(frames, most_frames);
    std::uint64_t place = 1469598103934665603u;  // a place is the callers, not who calls
    for (int i = 0; i < count && i < compared; ++i)
        place = (place ^ reinterpret_cast<std::uintptr_t>(frames[i])) * 1099511628211u;

    static std::atomic<std::uint64_t> reported[most_places];
    for (auto& each : reported) {
        std::uint64_t none = 0;
        if (each.load(std::memory_order_relaxed) == place) return;
        if (each.compare_exchange_strong(none, place, std::memory_order_relaxed)) break;
        if (none == place) return;
        if (&each == &reported[most_places - 1]) return;  // enough
    }
    char line[256];
    auto const length =
        std::snprintf(line, sizeof line, "ramie-hook: %s waits in %s while it holds %u pthread mutex%s:\n", task,
                      waits_in, locks, locks == 1 ? "" : "es");
    (void)!real().libc.write(
        2, line, static_cast<std::size_t>(length) < sizeof line ? static_cast<std::size_t>(length) : sizeof line - 1);
    ::backtrace_symbols_fd(frames, count, 2);
}
