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
struct no_looking {
    no_looking() { ramie::detail::parking_lot::may_look = false; }
    no_looking(no_looking const&) = delete;
    no_looking& operator=(no_looking const&) = delete;
    ~no_looking() { ramie::detail::parking_lot::may_look = true; }
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

class plain_pthread_cond {
  public:
    explicit plain_pthread_cond(clockid_t clock = CLOCK_REALTIME, int shared = PTHREAD_PROCESS_PRIVATE) {
        pthread_condattr_t how;
        ::pthread_condattr_init(&how);
        ::pthread_condattr_setclock(&how, clock);
        ::pthread_condattr_setpshared(&how, shared);
        REQUIRE(::pthread_cond_init(&raw, &how) == 0);
        ::pthread_condattr_destroy(&how);
    }
    plain_pthread_cond(plain_pthread_cond const&) = delete;
    plain_pthread_cond& operator=(plain_pthread_cond const&) = delete;
    ~plain_pthread_cond() { ::pthread_cond_destroy(&raw); }
    int wait(plain_pthread_mutex& m) { return ::pthread_cond_wait(&raw, &m.raw); }
    int signal() { return ::pthread_cond_signal(&raw); }
    int broadcast() { return ::pthread_cond_broadcast(&raw); }

    pthread_cond_t raw;
};

// What passes from one to the other.
struct baton {
    plain_pthread_mutex mutex;
    plain_pthread_cond changed;
    int value = 0;

    void await(int wanted) {
        mutex.lock();
        while (value != wanted) changed.wait(mutex);
        mutex.unlock();
    }
    void set(int to) {
        mutex.lock();
        value = to;
        changed.broadcast();
        mutex.unlock();
    }
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
