// libramie-hook: pthread_once, barriers, the ends of threads, and C11's names for all of it.
#include "pthread_support.hpp"

#include <ramie/detail/ground/config.hpp>

#include <future>
#include <mutex>

#include <threads.h>

using namespace ramie::testing;

TEST_CASE("pthread_once: a fiber waits while another's routine waits, on the same thread; the routine runs once") {
    no_looking const test;
    on_one_thread([] {
        static pthread_once_t once;
        static int runs;
        once = PTHREAD_ONCE_INIT;
        runs = 0;
        auto const routine = [] {
            ::usleep(2'000);
            ++runs;
        };
        ramie::join_set<void> all;
        for (int i = 0; i < 5; ++i) {
            all.spawn([&] {
                CHECK(::pthread_once(&once, routine) == 0);
                CHECK(runs == 1);
            });
        }
        plain_thread beside([&] {
            CHECK(::pthread_once(&once, routine) == 0);
            CHECK(runs == 1);
        });
        (void)all.join_all();
    });
}

TEST_CASE("std::call_once: a callable that throws lets the next caller try, with its own callable") {
#if defined(RAMIE_TSAN)
    MESSAGE("skipped: TSan's own pthread_once never ends once a routine has thrown");
    return;
#endif
    no_looking const test;
    on_one_thread([] {
        std::once_flag first, other;
        std::string order;
        ramie::join_set<void> all;
        for (char name = 'a'; name <= 'c'; ++name) {
            all.spawn([&, name] {
                try {
                    std::call_once(first, [&] {
                        ::usleep(1'000);
                        order += name;
                        if (name == 'a') throw name;
                    });
                } catch (char who) { CHECK(who == 'a'); }
            });
            ramie::this_fiber::yield();
        }
        std::call_once(other, [&] { order += '-'; });  // libstdc++ keeps what to call in thread-locals
        (void)all.join_all();
        CHECK(order == "-ab");
    });
}

TEST_CASE("pthread_once: under load, on two workers and a thread") {
    no_looking const test;
    constexpr std::size_t flags = 200;
    std::vector<pthread_once_t> all_flags(flags, PTHREAD_ONCE_INIT);
    static std::atomic<int> runs;
    runs = 0;
    auto const work = [&] {
        for (auto& each : all_flags) {
            ::pthread_once(&each, [] {
                if (ramie::is_hooked()) ::usleep(1);
                ++runs;
            });
        }
    };
    ramie::run({.workers = 2}, [&] {
        ramie::join_set<void> all;
        for (int i = 0; i < 8; ++i) all.spawn(work);
        plain_thread beside(work);
        (void)all.join_all();
    });
    CHECK(runs == flags);
}

TEST_CASE("pthread_barrier_wait: fibers of one thread, and threads, go on together, one of them told so") {
    no_looking const test;
    on_one_thread([] {
        constexpr int fibers = 4, rounds_of_all = 50;
        pthread_barrier_t barrier;
        REQUIRE(::pthread_barrier_init(&barrier, nullptr, fibers + 1) == 0);
        std::atomic<int> arrived{0}, serial{0}, wrong{0};
        auto const work = [&] {
            for (int round = 1; round <= rounds_of_all; ++round) {
                ++arrived;
                auto const result = ::pthread_barrier_wait(&barrier);
                if (arrived < round * (fibers + 1)) ++wrong;
                if (result == PTHREAD_BARRIER_SERIAL_THREAD) ++serial;
                else if (result != 0) ++wrong;
                if (::pthread_barrier_wait(&barrier) > 0) ++wrong;
            }
        };
        {
            plain_thread beside(work);
            ramie::join_set<void> all;
            for (int i = 0; i < fibers; ++i) all.spawn(work);
            (void)all.join_all();
        }
        CHECK(wrong == 0);
        CHECK(serial == rounds_of_all);
        CHECK(::pthread_barrier_destroy(&barrier) == 0);
        CHECK(::pthread_barrier_init(&barrier, nullptr, 0) == EINVAL);
    });
}

TEST_CASE("pthread_barrier_wait: for more fibers than there may be threads") {
    no_looking const test;
    ramie::run({.max_blocking_threads = 1, .current_thread = true}, [] {
        constexpr unsigned fibers = 20;
        pthread_barrier_t barrier;
        REQUIRE(::pthread_barrier_init(&barrier, nullptr, fibers) == 0);
        int serial = 0;
        ramie::join_set<void> all;
        for (unsigned i = 0; i < fibers; ++i)
            all.spawn([&] { serial += ::pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD ? 1 : 0; });
        (void)all.join_all();
        CHECK(serial == 1);
        CHECK(::pthread_barrier_destroy(&barrier) == 0);
    });
}

TEST_CASE("pthread_barrier_wait: one that was made before the runtime, and a process-shared one") {
    pthread_barrier_t early, shared;
    REQUIRE(::pthread_barrier_init(&early, nullptr, 3) == 0);
    int from_before = 7;
    std::thread waits([&] { from_before = ::pthread_barrier_wait(&early); });
    on_one_thread([&] {
        pthread_barrierattr_t how;
        ::pthread_barrierattr_init(&how);
        ::pthread_barrierattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        REQUIRE(::pthread_barrier_init(&shared, &how, 2) == 0);
        for (auto* const each : {&early, &shared}) {
            auto other = ramie::spawn([&] { return ::pthread_barrier_wait(each); });
            auto const mine = ::pthread_barrier_wait(each);
            auto const others = other.get();
            CHECK((mine == 0 || mine == PTHREAD_BARRIER_SERIAL_THREAD));
            CHECK((others == 0 || others == PTHREAD_BARRIER_SERIAL_THREAD));
        }
        CHECK(::pthread_barrier_destroy(&shared) == 0);
    });
    waits.join();
    CHECK(::pthread_barrier_destroy(&early) == 0);
}

TEST_CASE("pthread_join: the other fibers run on, and a thread that needs one of them ends") {
    on_one_thread([] {
        static std::atomic<int> step;
        step = 0;
        pthread_t thread;
        REQUIRE(::pthread_create(&thread, nullptr, [](void* argument) -> void* {
            while (step == 0) std::this_thread::yield();
            return argument;
        }, &step) == 0);
        void* result = nullptr;
        auto const soon_over = time_after(2ms, CLOCK_MONOTONIC);
        CHECK(::pthread_tryjoin_np(thread, &result) == EBUSY);
        CHECK(::pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &soon_over) == ETIMEDOUT);
        auto doomed = parked([&] { CHECK(::pthread_join(thread, &result) == 0); });
        doomed.abort();
        ramie::this_fiber::sleep_for(2ms);
        CHECK(result == nullptr);  // an abort does not end it
        step = 1;
        (void)doomed.join();
        CHECK(result == &step);
        CHECK(::pthread_join(::pthread_self(), nullptr) == EDEADLK);
        bool ran = false;
        std::thread plain([&] { ran = true; });
        plain.join();
        CHECK(ran);
    });
}

TEST_CASE("C11 threads: the same under their own names") {
    on_one_thread([] {
        mtx_t mutex;
        cnd_t changed;
        REQUIRE(::mtx_init(&mutex, mtx_timed) == thrd_success);
        REQUIRE(::cnd_init(&changed) == thrd_success);
        bool there = false;
        auto waits = parked([&] {
            CHECK(::mtx_lock(&mutex) == thrd_success);
            while (!there) CHECK(::cnd_wait(&changed, &mutex) == thrd_success);
            CHECK(::mtx_unlock(&mutex) == thrd_success);
        });
        CHECK(::mtx_lock(&mutex) == thrd_success);
        ramie::spawn([&] {
            auto const until = time_after(1ms);
            CHECK(::mtx_trylock(&mutex) == thrd_busy);
            CHECK(::mtx_timedlock(&mutex, &until) == thrd_timedout);
        }).get();
        auto const until = time_after(1ms);
        CHECK(::cnd_timedwait(&changed, &mutex, &until) == thrd_timedout);
        there = true;
        CHECK(::cnd_signal(&changed) == thrd_success);
        CHECK(::mtx_unlock(&mutex) == thrd_success);
        waits.get();
        CHECK(::cnd_broadcast(&changed) == thrd_success);
        static once_flag once = ONCE_FLAG_INIT;
        static int runs = 0;
        for (int i = 0; i < 2; ++i) ::call_once(&once, [] { ++runs; });
        CHECK(runs == 1);
#if !defined(RAMIE_TSAN)  // which knows nothing of threads made by thrd_create
        thrd_t thread;
        REQUIRE(::thrd_create(&thread, [](void*) { return 5; }, nullptr) == thrd_success);
        int result = 0;
        CHECK(::thrd_join(thread, &result) == thrd_success);
        CHECK(result == 5);
#endif
        ::cnd_destroy(&changed);
        ::mtx_destroy(&mutex);
    });
}
