// <threads.h>'s locks and conditions: the C++ classes in the storage of C's structs, with C11's words for what comes of it.
#include "c/answer.hpp"
#include "c/lazy.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/ramie.h>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>

#include <chrono>
#include <ctime>

namespace {

using namespace ramie;
using ramie::detail::answer;
using ramie::detail::in_words_of_c11;
using ramie::detail::lazy;

auto of(ramie_mtx_t* m) noexcept { return lazy<timed_mutex, ramie_mtx_t>(*m); }
auto recursive(ramie_mtx_t* m) noexcept { return lazy<recursive_timed_mutex, ramie_mtx_t>(*m); }
auto of(ramie_cnd_t* c) noexcept { return lazy<condition_variable, ramie_cnd_t>(*c); }

// f(the mutex), of whichever kind mtx_init has made it.
template <class F>
decltype(auto) with(ramie_mtx_t* m, F f) {
    return m->kind != 0 ? f(recursive(m).object()) : f(of(m).object());
}

bool is_time(timespec const& t) noexcept { return t.tv_nsec >= 0 && t.tv_nsec < 1'000'000'000; }
std::chrono::nanoseconds duration_of(timespec const& t) noexcept {
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds::max()).count();
    if (t.tv_sec >= most) return std::chrono::nanoseconds::max();
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}
// By the clock TIME_UTC.
auto time_of(timespec const& t) noexcept {
    return std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>(duration_of(t));
}

}  // namespace

extern "C" {

int ramie_mtx_init(ramie_mtx_t* m, int type) {
    return in_words_of_c11(answer([&] {
        m->kind = (type & mtx_recursive) != 0;
        if (m->kind != 0) (void)recursive(m).make();
        else (void)of(m).make();
    }));
}
void ramie_mtx_destroy(ramie_mtx_t* m) { m->kind != 0 ? recursive(m).destroy() : of(m).destroy(); }
int ramie_mtx_lock(ramie_mtx_t* m) {
    return in_words_of_c11(answer([&] {
        abort_shield const waits_on;
        with(m, [](auto& mine) { mine.lock(); });
    }));
}
int ramie_mtx_timedlock(ramie_mtx_t* m, timespec const* until) {
    return in_words_of_c11(answer([&] {
        if (!is_time(*until)) return EINVAL;
        abort_shield const waits_on;
        return with(m, [&](auto& mine) { return mine.try_lock_until(time_of(*until)) ? 0 : ETIMEDOUT; });
    }));
}
int ramie_mtx_trylock(ramie_mtx_t* m) {
    return in_words_of_c11(answer([&] { return with(m, [](auto& mine) { return mine.try_lock() ? 0 : EBUSY; }); }));
}
int ramie_mtx_unlock(ramie_mtx_t* m) {
    return in_words_of_c11(answer([&] { with(m, [](auto& mine) { mine.unlock(); }); }));
}

int ramie_cnd_init(ramie_cnd_t* c) {
    return in_words_of_c11(answer([&] { (void)of(c).make(); }));
}
void ramie_cnd_destroy(ramie_cnd_t* c) { of(c).destroy(); }
int ramie_cnd_wait(ramie_cnd_t* c, ramie_mtx_t* m) {
    return in_words_of_c11(answer([&] { with(m, [&](auto& mine) { of(c).object().wait(mine); }); }));
}
int ramie_cnd_timedwait(ramie_cnd_t* c, ramie_mtx_t* m, timespec const* until) {
    return in_words_of_c11(answer([&] {
        if (!is_time(*until)) return EINVAL;
        return with(m, [&](auto& mine) {
            return of(c).object().wait_until(mine, time_of(*until)) == cv_status::timeout ? ETIMEDOUT : 0;
        });
    }));
}
int ramie_cnd_signal(ramie_cnd_t* c) {
    return in_words_of_c11(answer([&] { of(c).object().notify_one(); }));
}
int ramie_cnd_broadcast(ramie_cnd_t* c) {
    return in_words_of_c11(answer([&] { of(c).object().notify_all(); }));
}

void ramie_call_once(ramie_once_t* o, void (*f)(void)) { (void)ramie_once(o, f); }

int ramie_thrd_sleep(timespec const* duration, timespec* left) {
    auto const error = answer([&] {
        if (!is_time(*duration) || duration->tv_sec < 0) return EINVAL;
        this_fiber::sleep_for(duration_of(*duration));
        return 0;
    });
    (void)left;  // no handler ends it
    return error == 0 ? 0 : -2;
}

}  // extern "C"
