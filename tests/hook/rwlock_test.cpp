// libramie-hook and pthread rwlocks.
#include "pthread_support.hpp"

#include <ramie/timeout.hpp>

#include <algorithm>
#include <functional>
#include <shared_mutex>
#include <string_view>

using namespace ramie::testing;

namespace {

class plain_rwlock {
  public:
    explicit plain_rwlock(int kind = PTHREAD_RWLOCK_PREFER_READER_NP, int shared = PTHREAD_PROCESS_PRIVATE) {
        pthread_rwlockattr_t how;
        ::pthread_rwlockattr_init(&how);
        ::pthread_rwlockattr_setkind_np(&how, kind);
        ::pthread_rwlockattr_setpshared(&how, shared);
        REQUIRE(::pthread_rwlock_init(&raw, &how) == 0);
        ::pthread_rwlockattr_destroy(&how);
    }
    plain_rwlock(plain_rwlock const&) = delete;
    plain_rwlock& operator=(plain_rwlock const&) = delete;
    ~plain_rwlock() { ::pthread_rwlock_destroy(&raw); }
    int read() { return ::pthread_rwlock_rdlock(&raw); }
    int write() { return ::pthread_rwlock_wrlock(&raw); }
    int unlock() { return ::pthread_rwlock_unlock(&raw); }

    pthread_rwlock_t raw;
};

constexpr int both_kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};

}  // namespace

TEST_CASE("pthread_rwlock: readers share, a writer is alone, and a waiting fiber lets others run on the thread") {
    no_looking const test;
    for (int const kind : both_kinds) {
        CAPTURE(kind);
        on_one_thread([&] {
            plain_rwlock lock(kind);
            int readers = 0, most = 0, writers = 0, wrong = 0;
            ramie::join_set<void> all;
            for (int i = 0; i < 20; ++i) {
                all.spawn([&, writes = i % 5 == 0] {
                    for (int round = 0; round < 10; ++round) {
                        wrong += writes ? lock.write() : lock.read();
                        auto& mine = writes ? writers : readers;
                        ++mine;
                        if (writers > 1 || (writers == 1 && readers > 0)) ++wrong;
                        most = std::max(most, readers);
                        ::usleep(50);
                        --mine;
                        wrong += lock.unlock();
                    }
                });
            }
            (void)all.join_all();
            CHECK(wrong == 0);
            CHECK(most > 1);
        });
    }
}

TEST_CASE("pthread_rwlock: all readers up to the next writer go on together") {
    no_looking const test;
    on_one_thread([] {
        plain_rwlock lock;
        lock.write();
        int inside = 0;
        bool written = false;
        ramie::join_set<void> all;
        for (int i = 0; i < 3; ++i) {
            all.spawn([&] {
                lock.read();
                ++inside;
                while (inside < 3) ::usleep(100);  // waits for the other readers
                CHECK(!written);
                lock.unlock();
            });
        }
        ramie::this_fiber::sleep_for(1ms);
        all.spawn([&] {
            lock.write();
            written = true;
            lock.unlock();
        });
        ramie::this_fiber::sleep_for(1ms);
        lock.unlock();
        (void)all.join_all();
        CHECK(written);
    });
}

TEST_CASE("pthread_rwlock: a fiber and a thread wait for each other's, in each way") {
    no_looking const test;
    for (bool const thread_writes : {false, true}) {
        CAPTURE(thread_writes);
        on_one_thread([&] {
            plain_rwlock lock;
            std::atomic<int> step{0};
            plain_thread other([&] {
                CHECK((thread_writes ? lock.write() : lock.read()) == 0);
                step = 1;
                while (step != 2) std::this_thread::yield();
                CHECK(lock.unlock() == 0);
            });
            while (step != 1) ramie::this_fiber::sleep_for(1ms);
            auto mine = parked([&] {
                CHECK(lock.write() == 0);
                CHECK(lock.unlock() == 0);
            });
            CHECK(!mine.is_finished());
            step = 2;
            mine.get();
            CHECK((thread_writes ? lock.read() : lock.write()) == 0);
            plain_thread waiting([&] {
                CHECK((thread_writes ? lock.write() : lock.read()) == 0);
                CHECK(lock.unlock() == 0);
            });
            ramie::this_fiber::sleep_for(2ms);
            CHECK(!waiting.is_over());
            CHECK(lock.unlock() == 0);
        });
    }
}

TEST_CASE("pthread_rwlock: fibers of two workers and two threads, under load, also from Ramie's own waits") {
    no_looking const test;
    forced_migration const environment;
    for (int const kind : both_kinds) {
        plain_rwlock lock(kind);
        std::atomic<int> readers{0}, writers{0}, wrong{0};
        auto const each = static_cast<int>(rounds(150));
        auto const work = [&](unsigned seed) {
            for (int i = 0; i < each; ++i) {
                seed = seed * 1103515245u + 12345u;
                bool const writes = seed >> 16 & 1;
                wrong += writes ? lock.write() : lock.read();
                auto& mine = writes ? writers : readers;
                ++mine;
                if (writers > 1 || (writers == 1 && readers > 0)) ++wrong;
                if (i % 8 == 0 && ramie::is_hooked()) ramie::this_fiber::sleep_for(1us);
                --mine;
                wrong += lock.unlock();
            }
        };
        ramie::run({.workers = 2}, [&] {
            ramie::join_set<void> all;
            for (unsigned i = 0; i < 12; ++i) all.spawn([&, i] { work(i); });
            plain_thread one([&] { work(100); }), two([&] { work(101); });
            (void)all.join_all();
        });
        CHECK(wrong == 0);
    }
}

TEST_CASE("pthread_rwlock: a writer does not starve beside readers that come and go") {
    for (int const kind : both_kinds) {
        CAPTURE(kind);
        on_one_thread([&] {
            plain_rwlock lock(kind);
            std::atomic<bool> stop{false};
            std::atomic<int> entered{0};
            auto const reads = [&] {
                while (!stop) {
                    lock.read();
                    ++entered;
                    std::this_thread::sleep_for(200us);
                    lock.unlock();
                }
            };
            plain_thread one(reads), two(reads), three(reads);
            while (entered < 3) ramie::this_fiber::sleep_for(1ms);
            for (int i = 0; i < 3; ++i) {
                CHECK(lock.write() == 0);
                CHECK(lock.unlock() == 0);
            }
            stop = true;
        });
    }
}

TEST_CASE("pthread_rwlock: errors are the fiber's") {
    on_one_thread([] {
        plain_rwlock lock;
        timespec const nonsense{0, -1}, past{1, 0};
        CHECK(lock.write() == 0);
        CHECK(lock.write() == EDEADLK);
        CHECK(lock.read() == EDEADLK);
        CHECK(::pthread_rwlock_trywrlock(&lock.raw) == EBUSY);
        ramie::spawn([&] {
            CHECK(::pthread_rwlock_tryrdlock(&lock.raw) == EBUSY);
            CHECK(lock.unlock() == EPERM);
            CHECK(::pthread_rwlock_timedrdlock(&lock.raw, &past) == ETIMEDOUT);
            CHECK(::pthread_rwlock_timedwrlock(&lock.raw, &nonsense) == EINVAL);
            CHECK(::pthread_rwlock_clockwrlock(&lock.raw, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL);
        }).get();
        int result = -1;
        auto doomed = parked([&] {
            result = lock.read();
            lock.unlock();
        });
        doomed.abort();
        ramie::this_fiber::sleep_for(2ms);
        CHECK(result == -1);  // it goes on waiting
        CHECK(lock.unlock() == 0);
        (void)doomed.join();
        CHECK(result == 0);
        CHECK(lock.read() == 0);
        CHECK(lock.read() == 0);  // a reader may lock again
        CHECK(lock.unlock() == 0);
        CHECK(lock.unlock() == 0);
    });
}

TEST_CASE("pthread_rwlock: the timed forms wait until then by the clock that was asked for, or until it is free") {
    on_one_thread([] {
        plain_rwlock lock;
        struct form {
            char const* name;
            clockid_t clock;
            std::function<int(timespec const&)> lock;
        };
        std::vector<form> forms{
            {"timedrdlock", CLOCK_REALTIME,
             [&](auto& until) { return ::pthread_rwlock_timedrdlock(&lock.raw, &until); }},
            {"timedwrlock", CLOCK_REALTIME,
             [&](auto& until) { return ::pthread_rwlock_timedwrlock(&lock.raw, &until); }},
        };
        for (auto const clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            forms.push_back({"clockrdlock", clock, [&lock, clock](auto& until) {
                                 return ::pthread_rwlock_clockrdlock(&lock.raw, clock, &until);
                             }});
            forms.push_back({"clockwrlock", clock, [&lock, clock](auto& until) {
                                 return ::pthread_rwlock_clockwrlock(&lock.raw, clock, &until);
                             }});
        }
        for (auto const& each : forms) {
            CAPTURE(each.name);
            CAPTURE(each.clock);
            bool reads = false;
            CHECK(lock.write() == 0);
            auto const soon_over = time_after(2ms, each.clock), far = time_after(1h, each.clock);
            CHECK(ramie::spawn([&] { return each.lock(soon_over); }).get() == ETIMEDOUT);
            CHECK(has_come(soon_over, each.clock));
            auto waits = parked([&] {
                auto const answer = each.lock(far);
                if (answer != 0) return answer;
                if (::pthread_rwlock_tryrdlock(&lock.raw) == 0) ::pthread_rwlock_unlock(&lock.raw), reads = true;
                return lock.unlock();
            });
            CHECK(!waits.is_finished());
            CHECK(lock.unlock() == 0);
            CHECK(waits.get() == 0);
            CHECK(reads == std::string_view(each.name).ends_with("rdlock"));
        }
    });
}

TEST_CASE("pthread_rwlock: a process-shared one") {
    on_one_thread([] {
        plain_rwlock lock(PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_PROCESS_SHARED);
        lock.write();
        auto other = parked([&] { return lock.read(); });
        CHECK(!other.is_finished());
        lock.unlock();
        CHECK(other.get() == 0);
        lock.unlock();
    });
}

TEST_CASE("std::shared_mutex and shared_timed_mutex of unmodified code") {
    on_one_thread([] {
        std::shared_mutex plain;
        std::shared_timed_mutex timed;
        plain.lock();
        timed.lock();
        auto other = parked([&] {
            std::shared_lock const one(plain);
            std::shared_lock const two(timed);
        });
        CHECK(!ramie::spawn([&] { return timed.try_lock_shared_for(2ms); }).get());
        plain.unlock();
        timed.unlock();
        other.get();
    });
}
