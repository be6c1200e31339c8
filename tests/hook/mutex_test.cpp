// libramie-hook and pthread mutexes: a fiber that must wait for a mutex parks, whether a fiber or a thread holds it.
#include "pthread_support.hpp"

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>
#include <ramie/timeout.hpp>

#include <algorithm>
#include <future>
#include <mutex>

using namespace ramie::testing;

namespace {

// All kinds that libc has.
struct mutex_kind {
    char const* name;
    int type, protocol, robust, shared;
};
constexpr mutex_kind mutex_kinds[] = {
    {"normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"error-checking", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE},
    {"priority-inheriting", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE},
    {"process-shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED},
};

template <class F>
void with_each_kind(F&& f) {
    for (auto const& k : mutex_kinds) {
        CAPTURE(k.name);
        plain_pthread_mutex mutex(k.type, k.protocol, k.robust, k.shared);
        f(mutex);
    }
}

}  // namespace

TEST_CASE("pthread_mutex_lock: two fibers of one thread, the first of which waits while it holds it") {
    with_each_kind([](plain_pthread_mutex& mutex) {
        std::string order;
        on_one_thread([&] {
            bool other_comes = false;
            auto first = ramie::spawn([&] {
                CHECK(mutex.lock() == 0);
                order += 'a';
                while (!other_comes) ::usleep(500);
                ::usleep(2'000);
                order += 'b';
                CHECK(mutex.unlock() == 0);
            });
            while (order.empty()) ramie::this_fiber::yield();
            auto second = ramie::spawn([&] {
                CHECK(mutex.try_lock() == EBUSY);
                other_comes = true;
                CHECK(mutex.lock() == 0);
                order += 'c';
                CHECK(mutex.unlock() == 0);
            });
            first.get();
            second.get();
        });
        CHECK(order == "abc");
    });
}

TEST_CASE("pthread_mutex_lock: first come, first served; a wake is never missed") {
    no_looking const test;
    std::string order;
    on_one_thread([&] {
        plain_pthread_mutex mutex;
        mutex.lock();
        ramie::join_set<void> all;
        for (char name = 'a'; name <= 'e'; ++name) {
            all.spawn([&, name] {
                mutex.lock();
                order += name;
                ramie::this_fiber::yield();
                mutex.unlock();
            });
            ramie::this_fiber::yield();
        }
        CHECK(order.empty());
        mutex.unlock();
        (void)all.join_all();
    });
    CHECK(order == "abcde");
}

TEST_CASE("pthread_mutex_lock: a fiber and a plain thread wait for each other's") {
    no_looking const test;
    with_each_kind([](plain_pthread_mutex& mutex) {
        on_one_thread([&] {
            std::atomic<int> step{0};
            plain_thread other([&] {
                CHECK(mutex.lock() == 0);
                step = 1;
                while (step != 2) std::this_thread::yield();  // the fibers go on meanwhile
                CHECK(mutex.unlock() == 0);
            });
            while (step != 1) ramie::this_fiber::sleep_for(1ms);
            auto mine = parked([&] {
                CHECK(mutex.lock() == 0);
                ::usleep(1'000);
                CHECK(mutex.unlock() == 0);
            });
            CHECK(!mine.is_finished());
            step = 2;
            mine.get();
            // And the other way round.
            CHECK(mutex.lock() == 0);
            plain_thread waiting([&] {
                CHECK(mutex.lock() == 0);
                CHECK(mutex.unlock() == 0);
            });
            ramie::this_fiber::sleep_for(2ms);
            CHECK(!waiting.is_over());
            CHECK(mutex.unlock() == 0);
        });
    });
}

TEST_CASE("pthread_mutex_lock: fibers of two workers and two threads count together") {
    no_looking const test;
    with_each_kind([](plain_pthread_mutex& mutex) {
        if ((mutex.raw.__data.__kind & 128) != 0) return;  // partly found by looking
        constexpr int fibers = 16, threads = 2;
        auto const each = static_cast<int>(rounds(400));
        long count = 0, inside = 0, wrong = 0;
        auto const work = [&] {
            for (int i = 0; i < each; ++i) {
                if (mutex.lock() != 0) ++wrong;
                if (++inside != 1) ++wrong;
                ++count;
                if (i % 16 == 0 && ramie::is_hooked()) ::usleep(1);  // it waits while it holds it
                --inside;
                if (mutex.unlock() != 0) ++wrong;
            }
        };
        ramie::run({.workers = 2}, [&] {
            ramie::join_set<void> all;
            for (int i = 0; i < fibers; ++i) all.spawn(work);
            plain_thread one(work), two(work);
            (void)all.join_all();
        });
        CHECK(wrong == 0);
        CHECK(count == (fibers + threads) * each);
    });
}

TEST_CASE("pthread_mutex_lock: no fiber starves beside one that unlocks for moments only, and all keep their places") {
    no_looking const test;
    for (bool const by_thread : {false, true}) {
        CAPTURE(by_thread);
        plain_pthread_mutex mutex;
        std::atomic<bool> stop{false};
        std::atomic<long> greedy_rounds{0};
        std::string order;
        auto const greedy = [&] {
            while (!stop) {
                mutex.lock();
                ++greedy_rounds;
                std::this_thread::sleep_for(200us);
                mutex.unlock();
            }
        };
        on_one_thread([&] {
            std::optional<plain_thread> thread;
            if (by_thread) thread.emplace(greedy);
            ramie::join_set<void> all;
            if (!by_thread) all.spawn(greedy);
            while (greedy_rounds == 0) ramie::this_fiber::yield();
            for (char name = 'a'; name <= 'e'; ++name) {
                bool begun = false;
                all.spawn([&, name] {
                    begun = true;
                    for (int i = 0; i < 3; ++i) {
                        mutex.lock();
                        order += name;
                        if (order.size() == 15) stop = true;
                        mutex.unlock();
                    }
                });
                while (!begun) ramie::this_fiber::yield();  // so the fiber waits, or has had a turn
            }
            (void)all.join_all();
        });
        // Fibers that come a second time are at the end.
        CHECK(order.size() == 15);
        CHECK(order.find_first_of('a') < order.find_first_of('b'));
        CHECK(order.find_first_of('b') < order.find_first_of('c'));
        CHECK(order.find_first_of('c') < order.find_first_of('d'));
        CHECK(order.find_first_of('d') < order.find_first_of('e'));
    }
}

TEST_CASE("pthread_mutex_lock: a recursive one belongs to the fiber, an error-checking one says so") {
    on_one_thread([] {
        plain_pthread_mutex recursive(PTHREAD_MUTEX_RECURSIVE), checking(PTHREAD_MUTEX_ERRORCHECK);
        CHECK(recursive.lock() == 0);
        CHECK(recursive.lock() == 0);
        CHECK(recursive.try_lock() == 0);
        CHECK(checking.lock() == 0);
        CHECK(checking.lock() == EDEADLK);
        CHECK(checking.try_lock() == EBUSY);
        ramie::spawn([&] {
            for (auto* const each : {&recursive, &checking}) {
                CHECK(each->unlock() == EPERM);
                CHECK(each->try_lock() == EBUSY);
            }
        }).get();
        bool got = false;
        auto other = parked([&] {
            CHECK(recursive.lock() == 0);
            got = true;
            CHECK(recursive.unlock() == 0);
        });
        CHECK(recursive.unlock() == 0);
        CHECK(recursive.unlock() == 0);
        ramie::this_fiber::sleep_for(1ms);
        CHECK(!got);
        CHECK(recursive.unlock() == 0);
        other.get();
        CHECK(recursive.unlock() == EPERM);
        CHECK(checking.unlock() == 0);
        CHECK(checking.unlock() == EPERM);
    });
}

TEST_CASE("pthread_mutex_lock: a fiber with a thread's mutex comes back to that thread, also from Ramie's own waits") {
    forced_migration const environment;
    ramie::run({.workers = 3}, [] {
        ramie::join_set<int> all;
        for (int i = 0; i < 8; ++i) {
            all.spawn([] {
                plain_pthread_mutex one(PTHREAD_MUTEX_RECURSIVE), two(PTHREAD_MUTEX_ERRORCHECK);
                int wrong = 0;
                for (int round = 0; round < 20; ++round) {
                    wrong += one.lock() + two.lock();
                    auto const here = ::pthread_self();
                    ramie::this_fiber::sleep_for(100us);
                    wrong += one.unlock();  // not in the order of the locks
                    ramie::this_fiber::sleep_for(100us);
                    wrong += ::pthread_equal(here, ::pthread_self()) ? 0 : 1;
                    wrong += two.unlock();
                    ramie::this_fiber::yield();
                }
                return wrong;
            });
        }
        for (auto& each : all.join_all()) CHECK(each.value() == 0);
    });
}

TEST_CASE("pthread_mutex_lock: one that a fiber has locked already keeps that fiber, and no other") {
    on_one_thread([] {
        auto* const mutex = new plain_pthread_mutex;  // never freed: the fiber waits for ever
        auto stuck = ramie::spawn([&] {
            mutex->lock();
            mutex->lock();
            mutex->unlock();
        });
        ramie::this_fiber::sleep_for(1ms);
        CHECK(!stuck.is_finished());
        CHECK(mutex->unlock() == 0);  // any thread may do that with a normal mutex
        stuck.get();
        delete mutex;
    });
}

TEST_CASE("pthread_mutex_timedlock and clocklock: by the clock asked for, and what is no time only if it must wait") {
    on_one_thread([] {
        plain_pthread_mutex mutex;
        timespec const nonsense{0, -1}, worse{0, 1'000'000'000}, past{-1, 0};
        CHECK(::pthread_mutex_timedlock(&mutex.raw, &nonsense) == 0);
        ramie::spawn([&] {
            CHECK(::pthread_mutex_timedlock(&mutex.raw, &nonsense) == EINVAL);
            CHECK(::pthread_mutex_timedlock(&mutex.raw, &worse) == EINVAL);
            CHECK(::pthread_mutex_timedlock(&mutex.raw, &past) == ETIMEDOUT);
            CHECK(::pthread_mutex_clocklock(&mutex.raw, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL);
            for (auto const clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
                auto const until = time_after(3ms, clock);
                CHECK(::pthread_mutex_clocklock(&mutex.raw, clock, &until) == ETIMEDOUT);
                CHECK(has_come(until, clock));
            }
            auto const far = time_after(1h);
            auto waiting = parked([&] { return ::pthread_mutex_timedlock(&mutex.raw, &far); });
            CHECK(!waiting.is_finished());
            mutex.unlock();
            CHECK(waiting.get() == 0);
        }).get();
        mutex.unlock();
    });
}

TEST_CASE("pthread_mutex_lock: neither an abort nor a timeout around it comes back without the lock") {
    on_one_thread([] {
        plain_pthread_mutex mutex;
        mutex.lock();
        int result = -1;
        bool returned = false;
        auto doomed = parked([&] {
            result = mutex.lock();
            returned = true;
            mutex.unlock();
        });
        auto late = parked([&] {
            return ramie::timeout(1ms, [&] {
                mutex.lock();
                mutex.unlock();
            }).has_value();
        });
        doomed.abort();
        ramie::this_fiber::sleep_for(3ms);
        CHECK(!returned);
        CHECK(!late.is_finished());
        mutex.unlock();
        (void)doomed.join();
        (void)late.join();
        CHECK(result == 0);
        CHECK(returned);
    });
}

TEST_CASE("std::mutex, recursive_mutex and timed_mutex of unmodified code") {
    on_one_thread([] {
        std::mutex plain;
        std::recursive_mutex recursive;
        std::timed_mutex timed;
        int inside = 0, most = 0;
        ramie::join_set<void> all;
        for (int i = 0; i < 4; ++i) {
            all.spawn([&] {
                std::scoped_lock const all_of_them(plain, recursive, timed);
                std::lock_guard const again(recursive);
                most = std::max(most, ++inside);
                ::usleep(500);
                --inside;
            });
        }
        (void)all.join_all();
        CHECK(most == 1);
        timed.lock();
        CHECK(!ramie::spawn([&] { return timed.try_lock_for(2ms); }).get());
        timed.unlock();
    });
}

TEST_CASE("hook: the runtime's own locks never park the fiber on whose stack they are taken") {
    // Work of the runtime on a fiber's stack must not be interrupted in the middle by a switch.
    on_one_thread([] {
        ramie::detail::word_lock word;
        ramie::detail::plain_mutex plain;
        auto const not_left = [](auto& lock) {
            std::atomic<bool> held{false}, unlock{false};
            std::thread other([&] {
                lock.lock();
                held = true;
                while (!unlock) std::this_thread::yield();
                std::this_thread::sleep_for(5ms);
                lock.unlock();
            });
            while (!held) std::this_thread::yield();
            bool ran = false;
            auto beside = ramie::spawn([&] { ran = true; });
            unlock = true;
            lock.lock();
            bool const left = ran;
            lock.unlock();
            beside.get();
            other.join();
            return !left;
        };
        CHECK(not_left(plain));
        CHECK(not_left(word));
    });
}
