// The end of a thread, for fibers. No event tells of it, so pthread_tryjoin_np is asked: after a fifth of a
// millisecond, and after twice as long each time, up to 50 ms. An abort does not end the wait: the caller would free
// memory that the thread still uses.
#include "waiting.hpp"

#include <cerrno>

namespace ramie::hook {

namespace {

using detail::lot_wait;

struct joining {
    pthread_t thread;
    void** result;
};

int attempt_join(void* argument) noexcept {
    auto const& j = *static_cast<joining const*>(argument);
    auto const result = real().pthread_tryjoin_np(j.thread, j.result);
    return result == EBUSY ? static_cast<int>(lot_wait::again) : result;
}

int join_on_fiber(detail::hook_calls const& calls, pthread_t thread, void** result, clockid_t clock, timespec const* until) noexcept {
    // (pthread_tryjoin_np would only say that the thread still runs.)
    if (::pthread_equal(thread, ::pthread_self()) != 0) return EDEADLK;
    joining j{thread, result};
    lot_wait w;
    w.address = reinterpret_cast<void const*>(thread);
    w.attempt = attempt_join;
    w.argument = &j;
    w.what = "pthread_join";
    w.until = until;
    w.clock = clock;
    w.first_look_us = 200;
    w.seldom_us = 50'000;
    w.is_looked_for = true;
    return calls.wait_in_lot(w);
}

}  // namespace

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int pthread_join(pthread_t thread, void** result) {
    if (auto const* const calls = for_fiber()) return join_on_fiber(*calls, thread, result, CLOCK_REALTIME, nullptr);
    return real().pthread_join(thread, result);
}
RAMIE_EXPORTED int pthread_timedjoin_np(pthread_t thread, void** result, timespec const* until) {
    if (auto const* const calls = for_fiber()) return join_on_fiber(*calls, thread, result, CLOCK_REALTIME, until);
    return real().pthread_timedjoin_np(thread, result, until);
}
RAMIE_EXPORTED int pthread_clockjoin_np(pthread_t thread, void** result, clockid_t clock, timespec const* until) {
    auto const* const calls = for_fiber();
    if (calls == nullptr) return real().pthread_clockjoin_np(thread, result, clock, until);
    return is_known_clock(clock) ? join_on_fiber(*calls, thread, result, clock, until) : EINVAL;
}
RAMIE_EXPORTED int pthread_tryjoin_np(pthread_t thread, void** result) noexcept {
    if (auto const* const calls = introduced()) take_turns(*calls, nullptr);
    return real().pthread_tryjoin_np(thread, result);
}
