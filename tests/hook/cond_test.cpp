// libramie-hook and pthread condition variables: signals between fibers and threads. (cond_limits_test.cpp: how a wait ends
// without one. leaving_lock_test.cpp: threads that unlock inside libc's wait.)
#include "pthread_support.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>

using namespace ramie::testing;

TEST_CASE("pthread_cond_wait: fibers of one thread signal each other") {
    no_looking const test;
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
    no_looking const test;
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
    no_looking const test;
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
    no_looking const test;
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
