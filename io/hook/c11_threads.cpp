// <threads.h>: glibc implements it by its pthread functions, which it calls inside libc; the results have other names.
#include "mutexes.hpp"
#include "waiting.hpp"

#include <cerrno>
#include <cstdint>

#include <threads.h>

namespace {

int in_other_words(int error) noexcept {
    switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    case ENOMEM: return thrd_nomem;
    default: return thrd_error;
    }
}
auto* of(mtx_t* m) noexcept { return reinterpret_cast<pthread_mutex_t*>(m); }
auto* of(cnd_t* c) noexcept { return reinterpret_cast<pthread_cond_t*>(c); }

}  // namespace

RAMIE_EXPORTED int mtx_lock(mtx_t* m) {
    return in_other_words(ramie::hook::lock_mutex(of(m), CLOCK_REALTIME, nullptr, __builtin_return_address(0)));
}
RAMIE_EXPORTED int mtx_timedlock(mtx_t* m, timespec const* until) {
    return in_other_words(ramie::hook::lock_mutex(of(m), CLOCK_REALTIME, until, __builtin_return_address(0)));
}
RAMIE_EXPORTED int mtx_trylock(mtx_t* m) {
    return in_other_words(ramie::hook::try_lock_mutex(of(m), __builtin_return_address(0)));
}
RAMIE_EXPORTED int mtx_unlock(mtx_t* m) { return in_other_words(ramie::hook::unlock_mutex(of(m))); }

RAMIE_EXPORTED int cnd_wait(cnd_t* c, mtx_t* m) { return in_other_words(::pthread_cond_wait(of(c), of(m))); }
RAMIE_EXPORTED int cnd_timedwait(cnd_t* c, mtx_t* m, timespec const* until) {
    return in_other_words(::pthread_cond_timedwait(of(c), of(m), until));
}
RAMIE_EXPORTED int cnd_signal(cnd_t* c) { return in_other_words(::pthread_cond_signal(of(c))); }
RAMIE_EXPORTED int cnd_broadcast(cnd_t* c) { return in_other_words(::pthread_cond_broadcast(of(c))); }

RAMIE_EXPORTED void call_once(once_flag* flag, void (*routine)()) {
    (void)::pthread_once(reinterpret_cast<pthread_once_t*>(flag), routine);  // glibc's never fails
}

RAMIE_EXPORTED int thrd_join(thrd_t thread, int* result) {
    void* said = nullptr;
    auto const error = ::pthread_join(thread, &said);
    if (error == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(said));
    return in_other_words(error);
}
