// libramie-hook and pthread condition variables, between fibers and threads.
#include "pthread_support.hpp"

#include <ramie/detail/fence/pause.hpp>
#include <ramie/timeout.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>

using namespace ramie::testing;

namespace {

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

}  // namespace

TEST_CASE("pthread_cond_wait: fibers of one thread signal each other") {
    nobody_looks const test;
    on_one_thread([] {
        baton b;
        auto other = ramie::spawn([&] {
            for (int i = 0; i < 100; ++i) {
                b.await(2 * i + 1);
                b.set(2 * i + 2);
            }
        });
        for (int i = 0; i < 100; ++i) {
            b.set(2 * i + 1);
            b.await(2 * i + 2);
        }
        other.get();
    });
}

TEST_CASE("pthread_cond_wait: a fiber and a thread signal each other, with every kind of mutex") {
    nobody_looks const test;
    for (int const kind : {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK}) {
        CAPTURE(kind);
        on_one_thread([&] {
            plain_pthread_mutex mutex(kind);
            plain_pthread_cond changed;
            int turn = 0;
            std::atomic<long> wrong{0};
            auto const play = [&](int mine) {
                for (int i = 0; i < 200; ++i) {
                    wrong += mutex.lock();
                    while (turn != mine) wrong += changed.wait(mutex);
                    turn = 1 - mine;
                    wrong += changed.signal();
                    wrong += mutex.unlock();
                }
            };
            plain_thread other([&] { play(1); });
            play(0);
            other.end();
            CHECK(wrong == 0);
        });
    }
}

TEST_CASE("pthread_cond_signal wakes one fiber, the first; pthread_cond_broadcast wakes all") {
    nobody_looks const test;
    on_one_thread([] {
        plain_pthread_mutex mutex;
        plain_pthread_cond changed;
        std::string order;
        ramie::join_set<void> all;
        for (char name = 'a'; name <= 'f'; ++name) {
            all.spawn([&, name] {
                mutex.lock();
                changed.wait(mutex);
                order += name;
                mutex.unlock();
            });
            ramie::this_fiber::yield();
        }
        changed.signal();
        ramie::this_fiber::sleep_for(1ms);
        CHECK(order == "a");
        mutex.lock();
        changed.signal();
        changed.signal();
        mutex.unlock();
        ramie::this_fiber::sleep_for(1ms);
        CHECK(order == "abc");
        changed.broadcast();
        (void)all.join_all();
        CHECK(order == "abcdef");
    });
}

TEST_CASE("pthread_cond_wait: a queue between fibers of two workers and threads loses nothing") {
    nobody_looks const test;
    plain_pthread_mutex mutex;
    plain_pthread_cond not_empty, not_full;
    std::deque<int> queue;
    constexpr std::size_t room = 3;
    constexpr int makers = 6, takers = 6;
    auto const each = static_cast<int>(rounds(500));
    std::atomic<long> sum{0};
    auto const make = [&] {
        for (int i = 1; i <= each; ++i) {
            mutex.lock();
            while (queue.size() == room) not_full.wait(mutex);
            queue.push_back(i);
            not_empty.signal();
            mutex.unlock();
        }
    };
    auto const take = [&] {
        for (int i = 0; i < each; ++i) {
            mutex.lock();
            while (queue.empty()) not_empty.wait(mutex);
            sum += queue.front();
            queue.pop_front();
            mutex.unlock();
            not_full.signal();  // without the mutex
        }
    };
    ramie::run({.workers = 2}, [&] {
        ramie::join_set<void> all;
        for (int i = 0; i < makers - 1; ++i) all.spawn(make);
        for (int i = 0; i < takers - 1; ++i) all.spawn(take);
        plain_thread one(make), two(take);
        (void)all.join_all();
    });
    CHECK(sum == long{makers} * each * (each + 1) / 2);
}

TEST_CASE("pthread_cond_wait: a thread's wait unlocks for the fibers that wait for the mutex") {
    on_one_thread([] {
        baton b;
        std::atomic<bool> ready{false};
        plain_thread other([&] {
            b.mutex.lock();
            ready = true;
            std::this_thread::sleep_for(5ms);  // the fiber comes to wait for the mutex
            while (b.value == 0) b.changed.wait(b.mutex);
            b.mutex.unlock();
        });
        while (!ready) ramie::this_fiber::sleep_for(100us);
        nobody_looks const test;  // but at one that is leaving
        b.set(1);
        other.end();
    });
}

TEST_CASE("pthread_cond_wait: a fiber that comes just before a thread's wait unlocks is not forgotten") {
    nobody_looks const test;
    baton b;
    auto const times = static_cast<int>(rounds(20'000));
    ramie::run({.workers = 2}, [&] {
        plain_thread waits([&] {
            b.mutex.lock();
            for (int i = 0; i < times; ++i) {
                b.value = 1;
                for (int pause = 0; pause < i % 64; ++pause) ramie::detail::cpu_pause();
                while (b.value == 1) b.changed.wait(b.mutex);  // the only way by which it unlocks
            }
            b.value = 2;
            b.mutex.unlock();
        });
        for (int value = 0; value != 2;) {
            b.mutex.lock();
            value = b.value;
            if (value == 1) {
                b.value = 0;
                b.changed.signal();
            }
            b.mutex.unlock();
        }
    });
}

TEST_CASE("pthread_cond_wait: one that began before the runtime did is woken from it") {
    baton b;
    std::atomic<bool> waits{false};
    std::thread early([&] {
        b.mutex.lock();
        waits = true;
        while (b.value == 0) b.changed.wait(b.mutex);
        b.mutex.unlock();
    });
    while (!waits) std::this_thread::yield();
    on_one_thread([&] { b.set(1); });
    early.join();
}

TEST_CASE("pthread_cond_timedwait and clockwait: by the clock of the variable, or the one asked for") {
    on_one_thread([] {
        plain_pthread_mutex mutex;
        timespec const nonsense{0, -1}, past{1, 0};
        for (auto const clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            plain_pthread_cond changed(clock);
            mutex.lock();
            auto until = time_after(3ms, clock);
            CHECK(::pthread_cond_timedwait(&changed.raw, &mutex.raw, &until) == ETIMEDOUT);
            CHECK(has_come(until, clock));
            CHECK(mutex.try_lock() == EBUSY);
            until = time_after(3ms, clock);
            CHECK(::pthread_cond_clockwait(&changed.raw, &mutex.raw, clock, &until) == ETIMEDOUT);
            CHECK(has_come(until, clock));
            CHECK(::pthread_cond_timedwait(&changed.raw, &mutex.raw, &past) == ETIMEDOUT);
            CHECK(::pthread_cond_timedwait(&changed.raw, &mutex.raw, &nonsense) == EINVAL);
            CHECK(::pthread_cond_clockwait(&changed.raw, &mutex.raw, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL);
            CHECK(mutex.try_lock() == EBUSY);  // it was not even unlocked
            auto const far = time_after(1h, clock);
            auto wakes = ramie::spawn([&] {
                mutex.lock();
                changed.signal();
                mutex.unlock();
            });
            CHECK(::pthread_cond_timedwait(&changed.raw, &mutex.raw, &far) == 0);
            mutex.unlock();
            wakes.get();
        }
        plain_pthread_mutex checking(PTHREAD_MUTEX_ERRORCHECK);
        plain_pthread_cond changed;
        CHECK(changed.wait(checking) == EPERM);
    });
}

TEST_CASE("pthread_cond_wait: an abort and a timeout end it for nothing, with the mutex locked, and keep nobody from running") {
    on_one_thread([] {
        plain_pthread_mutex mutex(PTHREAD_MUTEX_ERRORCHECK);
        plain_pthread_cond changed;
        bool stop = false;
        int woken = 0, wrong = 0;
        auto doomed = parked([&] {
            mutex.lock();
            while (!stop) {
                wrong += changed.wait(mutex);
                wrong += mutex.lock() == EDEADLK ? 0 : 1;
                ++woken;
            }
            mutex.unlock();
        });
        CHECK(woken == 0);
        auto const begin = std::chrono::steady_clock::now();
        doomed.abort();
        while (woken < 3) ramie::this_fiber::sleep_for(1ms);
        // At once, and then every ten milliseconds.
        CHECK(woken <= (std::chrono::steady_clock::now() - begin) / 10ms + 1);
        stop = true;  // which nobody signals
        (void)doomed.join();
        CHECK(wrong == 0);
        (void)ramie::timeout(2ms, [&] {
            mutex.lock();
            CHECK(changed.wait(mutex) == 0);
            CHECK(mutex.unlock() == 0);
        });
    });
}

TEST_CASE("pthread_cond_wait: a process-shared one") {
    on_one_thread([] {
        plain_pthread_mutex mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
        plain_pthread_cond changed(CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
        bool there = false;
        auto waits = parked([&] {
            mutex.lock();
            while (!there) changed.wait(mutex);
            mutex.unlock();
        });
        mutex.lock();
        there = true;  // by another process, as far as the fiber is concerned
        mutex.unlock();
        waits.get();
    });
}

TEST_CASE("std::condition_variable and condition_variable_any of unmodified code") {
    on_one_thread([] {
        std::mutex mutex;
        std::shared_mutex shared;
        std::condition_variable plain;
        std::condition_variable_any any;
        bool there = false;
        auto one = parked([&] {
            std::unique_lock held(mutex);
            plain.wait(held, [&] { return there; });
        });
        auto two = parked([&] {
            std::shared_lock held(shared);
            any.wait(held, [&] { return there; });
        });
        {
            std::unique_lock held(mutex);
            CHECK(plain.wait_for(held, 2ms) == std::cv_status::timeout);
            CHECK(!plain.wait_until(held, std::chrono::system_clock::now() + 2ms, [&] { return there; }));
        }
        {
            std::scoped_lock const both(mutex, shared);
            there = true;
        }
        plain.notify_all();
        any.notify_one();
        one.get();
        two.get();
    });
}
