// A thread's end, for those who wait for it.
#include "next.hpp"
#include "thread.hpp"

#include <cerrno>
#include <chrono>
#include <mutex>
#include <optional>

#include <time.h>

namespace ramie::threads {

namespace {

struct limit {
    clockid_t clock;
    timespec const* until;
};

bool wait_for_end(thread& t, std::unique_lock<ramie::mutex>& held, limit const& most) {
    auto const has_ended = [&] { return t.ended; };
    if (most.until == nullptr) {
        t.has_ended.wait(held, has_ended);
        return true;
    }
    auto const since_start = std::chrono::seconds(most.until->tv_sec) + std::chrono::nanoseconds(most.until->tv_nsec);
    if (most.clock == CLOCK_MONOTONIC)
        return t.has_ended.wait_until(held, std::chrono::steady_clock::time_point(since_start), has_ended);
    return t.has_ended.wait_until(held, std::chrono::system_clock::time_point(since_start), has_ended);
}

// Empty: not one of ours. `waits`: else EBUSY if it has not ended.
std::optional<int> join(pthread_t id, void** result, bool waits, limit const& most) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr) return std::nullopt;
    if (::pthread_equal(id, ::pthread_self()) != 0) return EDEADLK;
    if (most.until != nullptr && (most.until->tv_nsec < 0 || most.until->tv_nsec > 999'999'999)) return EINVAL;
    std::unique_lock held(t->lock);
    if (t->detached || t->is_joined) return EINVAL;
    if (!waits && !t->ended) return EBUSY;
    t->is_joined = true;
    if (!wait_for_end(*t, held, most)) {
        t->is_joined = false;
        return ETIMEDOUT;
    }
    if (result != nullptr) *result = t->result;
    t->forget();
    return 0;
}

std::optional<int> detach(pthread_t id) noexcept {
    auto const t = thread::find(id);
    if (t == nullptr) return std::nullopt;
    std::lock_guard const held(t->lock);
    if (t->detached || t->is_joined) return EINVAL;
    t->detached = true;
    if (t->ended) t->forget();
    return 0;
}

}  // namespace

}  // namespace ramie::threads

using namespace ramie::threads;

RAMIE_EXPORTED int pthread_join(pthread_t id, void** result) {
    if (auto const said = join(id, result, true, {CLOCK_REALTIME, nullptr})) return *said;
    return RAMIE_NEXT(pthread_join)(id, result);
}
RAMIE_EXPORTED int pthread_tryjoin_np(pthread_t id, void** result) noexcept {
    if (auto const said = join(id, result, false, {CLOCK_REALTIME, nullptr})) return *said;
    return RAMIE_NEXT(pthread_tryjoin_np)(id, result);
}
RAMIE_EXPORTED int pthread_timedjoin_np(pthread_t id, void** result, timespec const* until) {
    if (auto const said = join(id, result, true, {CLOCK_REALTIME, until})) return *said;
    return RAMIE_NEXT(pthread_timedjoin_np)(id, result, until);
}
RAMIE_EXPORTED int pthread_clockjoin_np(pthread_t id, void** result, clockid_t clock, timespec const* until) {
    if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) {
        if (auto const said = join(id, result, true, {clock, until})) return *said;
    }
    return RAMIE_NEXT(pthread_clockjoin_np)(id, result, clock, until);
}
RAMIE_EXPORTED int pthread_detach(pthread_t id) noexcept {
    if (auto const said = detach(id)) return *said;
    return RAMIE_NEXT(pthread_detach)(id);
}
RAMIE_EXPORTED int thrd_join(thrd_t id, int* result) {
    void* said = nullptr;
    if (::pthread_join(id, &said) != 0) return thrd_error;
    if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(said));
    return thrd_success;
}
RAMIE_EXPORTED int thrd_detach(thrd_t id) { return ::pthread_detach(id) == 0 ? thrd_success : thrd_error; }
