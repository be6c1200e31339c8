// Shared by the tests of interposed pthread calls.
#pragma once

#include "chance.hpp"
#include "environment.hpp"
#include "plain_fds.hpp"

#include "lot/parking_lot.hpp"

#include <ramie/hook.hpp>
#include <ramie/join_set.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <thread>
#include <vector>

#include <pthread.h>

namespace ramie::testing {

// A runtime without spare workers: a wait that blocks its thread instead of parking hangs.
template <class F>
void on_one_thread(F&& f) {
    ramie::run({.current_thread = true}, std::forward<F>(f));
}

// While one of these lives, no wait is ended by looking: a missed wake is missed for ever.
struct nobody_looks {
    nobody_looks() { ramie::detail::parking_lot::may_look = false; }
    nobody_looks(nobody_looks const&) = delete;
    nobody_looks& operator=(nobody_looks const&) = delete;
    ~nobody_looks() { ramie::detail::parking_lot::may_look = true; }
};

class plain_pthread_mutex {
  public:
    explicit plain_pthread_mutex(int kind = PTHREAD_MUTEX_NORMAL, int protocol = PTHREAD_PRIO_NONE,
                                 int robust = PTHREAD_MUTEX_STALLED, int shared = PTHREAD_PROCESS_PRIVATE) {
        pthread_mutexattr_t how;
        ::pthread_mutexattr_init(&how);
        ::pthread_mutexattr_settype(&how, kind);
        ::pthread_mutexattr_setprotocol(&how, protocol);
        ::pthread_mutexattr_setrobust(&how, robust);
        ::pthread_mutexattr_setpshared(&how, shared);
        REQUIRE(::pthread_mutex_init(&raw, &how) == 0);
        ::pthread_mutexattr_destroy(&how);
    }
    plain_pthread_mutex(plain_pthread_mutex const&) = delete;
    plain_pthread_mutex& operator=(plain_pthread_mutex const&) = delete;
    ~plain_pthread_mutex() { ::pthread_mutex_destroy(&raw); }

    int lock() { return ::pthread_mutex_lock(&raw); }
    int try_lock() { return ::pthread_mutex_trylock(&raw); }
    int unlock() { return ::pthread_mutex_unlock(&raw); }

    pthread_mutex_t raw;
};

inline timespec time_after(std::chrono::nanoseconds d, clockid_t clock = CLOCK_REALTIME) {
    timespec t{};
    ::clock_gettime(clock, &t);
    auto const sum = std::chrono::nanoseconds(t.tv_nsec) + d;
    auto const seconds = std::chrono::floor<std::chrono::seconds>(sum);
    return {t.tv_sec + seconds.count(), (sum - seconds).count()};
}
inline bool has_come(timespec const& t, clockid_t clock = CLOCK_REALTIME) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return now.tv_sec > t.tv_sec || (now.tv_sec == t.tv_sec && now.tv_nsec >= t.tv_nsec);
}

// A plain thread does f; the fiber that waits for its end parks.
class plain_thread {
  public:
    template <class F>
    explicit plain_thread(F f) : thread_([this, work = std::move(f)]() mutable { work(), over_ = true; }) {}
    plain_thread(plain_thread const&) = delete;
    plain_thread& operator=(plain_thread const&) = delete;
    ~plain_thread() {
        end();
        thread_.join();
    }
    void end() {
        while (!over_) ramie::this_fiber::sleep_for(1ms);
    }
    bool is_over() const { return over_; }

  private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace ramie::testing
