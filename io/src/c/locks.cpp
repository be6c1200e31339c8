// What C threads wait for: the C++ classes in the storage of C's structs.
#include "c/answer.hpp"
#include "c/lazy.hpp"

#include <ramie/barrier.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/ramie.h>
#include <ramie/recursive_mutex.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>

#include <chrono>
#include <mutex>

namespace {

using namespace ramie;
using ramie::detail::answer;
using ramie::detail::lazy;

auto of(ramie_mutex_t* m) noexcept { return lazy<mutex, ramie_mutex_t>(*m); }
auto recursive(ramie_mutex_t* m) noexcept { return lazy<recursive_mutex, ramie_mutex_t>(*m); }
auto of(ramie_cond_t* c) noexcept { return lazy<condition_variable, ramie_cond_t>(*c); }
auto of(ramie_rwlock_t* l) noexcept { return lazy<shared_mutex, ramie_rwlock_t>(*l); }
auto of(ramie_sem_t* s) noexcept { return lazy<semaphore, ramie_sem_t>(*s); }
auto of(ramie_barrier_t* b) noexcept { return lazy<barrier<>, ramie_barrier_t>(*b); }
auto of(ramie_once_t* o) noexcept { return lazy<ramie::once_flag, ramie_once_t>(*o); }

// f(the mutex), of whichever kind it is.
template <class F>
decltype(auto) with(ramie_mutex_t* m, F f) {
    return m->kind != 0 ? f(recursive(m).get()) : f(of(m).get());
}


// A permit of a C semaphore is given back by a post, by any thread.
int keep(std::expected<semaphore::permit, acquire_error> got, int otherwise) {
    if (!got) return otherwise;
    got->forget();
    return 0;
}

}  // namespace

extern "C" {

int ramie_mutex_init(ramie_mutex_t* m, int is_recursive) {
    return answer([&] {
        m->kind = is_recursive != 0;
        if (is_recursive != 0) (void)recursive(m).make();
        else (void)of(m).make();
    });
}
int ramie_mutex_destroy(ramie_mutex_t* m) {
    m->kind != 0 ? recursive(m).destroy() : of(m).destroy();
    return 0;
}
int ramie_mutex_lock(ramie_mutex_t* m) {
    return answer([&] {
        abort_shield const waits_on;
        with(m, [](auto& mine) { mine.lock(); });
    });
}
int ramie_mutex_trylock(ramie_mutex_t* m) {
    return answer([&] { return with(m, [](auto& mine) { return mine.try_lock() ? 0 : EBUSY; }); });
}
int ramie_mutex_unlock(ramie_mutex_t* m) {
    return answer([&] { with(m, [](auto& mine) { mine.unlock(); }); });
}

int ramie_cond_init(ramie_cond_t* c) {
    return answer([&] { (void)of(c).make(); });
}
int ramie_cond_destroy(ramie_cond_t* c) { return of(c).destroy(), 0; }
int ramie_cond_wait(ramie_cond_t* c, ramie_mutex_t* m) {
    return answer([&] { with(m, [&](auto& mine) { of(c).get().wait(mine); }); });
}
int ramie_cond_wait_for_ns(ramie_cond_t* c, ramie_mutex_t* m, int64_t nanoseconds) {
    return answer([&] {
        return with(m, [&](auto& mine) {
            auto const how = of(c).get().wait_for(mine, std::chrono::nanoseconds(nanoseconds));
            return how == cv_status::timeout ? ETIMEDOUT : 0;
        });
    });
}
int ramie_cond_signal(ramie_cond_t* c) {
    return answer([&] { of(c).get().notify_one(); });
}
int ramie_cond_broadcast(ramie_cond_t* c) {
    return answer([&] { of(c).get().notify_all(); });
}

int ramie_rwlock_init(ramie_rwlock_t* l) {
    return answer([&] { (void)of(l).make(); });
}
int ramie_rwlock_destroy(ramie_rwlock_t* l) { return of(l).destroy(), 0; }
int ramie_rwlock_rdlock(ramie_rwlock_t* l) {
    return answer([&] {
        abort_shield const waits_on;
        of(l).get().lock_shared();
    });
}
int ramie_rwlock_tryrdlock(ramie_rwlock_t* l) {
    return answer([&] { return of(l).get().try_lock_shared() ? 0 : EBUSY; });
}
int ramie_rwlock_wrlock(ramie_rwlock_t* l) {
    return answer([&] {
        abort_shield const waits_on;
        of(l).get().lock();
    });
}
int ramie_rwlock_trywrlock(ramie_rwlock_t* l) {
    return answer([&] { return of(l).get().try_lock() ? 0 : EBUSY; });
}
int ramie_rwlock_rdunlock(ramie_rwlock_t* l) {
    return answer([&] { of(l).get().unlock_shared(); });
}
int ramie_rwlock_wrunlock(ramie_rwlock_t* l) {
    return answer([&] { of(l).get().unlock(); });
}

int ramie_sem_init(ramie_sem_t* s, size_t value) {
    return answer([&] { (void)of(s).make(value); });
}
int ramie_sem_destroy(ramie_sem_t* s) { return of(s).destroy(), 0; }
int ramie_sem_wait(ramie_sem_t* s) {
    return answer([&] { return keep(of(s).object().acquire(), EINVAL); });
}
int ramie_sem_trywait(ramie_sem_t* s) {
    return answer([&] { return keep(of(s).object().try_acquire(), EAGAIN); });
}
int ramie_sem_wait_for_ns(ramie_sem_t* s, int64_t nanoseconds) {
    return answer([&] { return keep(of(s).object().acquire_for(std::chrono::nanoseconds(nanoseconds)), ETIMEDOUT); });
}
int ramie_sem_post(ramie_sem_t* s) {
    return answer([&] { of(s).object().release(); });
}

int ramie_barrier_init(ramie_barrier_t* b, unsigned count) {
    return answer([&] {
        if (count == 0) return EINVAL;
        (void)of(b).make(static_cast<std::ptrdiff_t>(count));
        return 0;
    });
}
int ramie_barrier_destroy(ramie_barrier_t* b) { return of(b).destroy(), 0; }
int ramie_barrier_wait(ramie_barrier_t* b) {
    return answer([&] { return of(b).object().arrive_and_wait() ? RAMIE_BARRIER_SERIAL_THREAD : 0; });
}

int ramie_once(ramie_once_t* o, void (*f)(void)) {
    return answer([&] { call_once(of(o).get(), f); });
}

}  // extern "C"
