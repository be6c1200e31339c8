// libramie-hook and pthread condition variables: waits that end by their limit, an abort or a timeout, and process-shared
// ones.
#include "pthread_support.hpp"

#include <ramie/timeout.hpp>

using namespace ramie::testing;

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
            CHECK(mutex.try_lock() == EBUSY);  // the mutex was not even unlocked
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

TEST_CASE("pthread_cond_wait: an abort and a timeout end it without a signal, with the mutex locked, and others "
          "go on running") {
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
        stop = true;  // no signal is sent for it
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
        plain_pthread_mutex mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED,
                                  PTHREAD_PROCESS_SHARED);
        plain_pthread_cond changed(CLOCK_REALTIME, PTHREAD_PROCESS_SHARED);
        bool there = false;
        auto waits = parked([&] {
            mutex.lock();
            while (!there) changed.wait(mutex);
            mutex.unlock();
        });
        mutex.lock();
        there = true;  // for the fiber, this is like another process
        mutex.unlock();
        waits.get();
    });
}
