// libramie-hook and pthread condition variables, between fibers and threads.
#include "pthread_support.hpp"

#include <ramie/timeout.hpp>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <new>
#include <shared_mutex>

#include <sys/mman.h>
#include <unistd.h>

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

// Memory for a condition variable. libc's wait touches the variable before it unlocks the mutex. The first thread that
// touches it is held up until a fiber waits for the mutex.
class slow_page {
  public:
    slow_page()
        : size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
          begin_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(begin_ != MAP_FAILED);
    }
    slow_page(slow_page const&) = delete;
    slow_page& operator=(slow_page const&) = delete;
    ~slow_page() { ::munmap(begin_, size_); }

    void* begin() const { return begin_; }
    bool holds_up() const { return holds_up_; }
    bool one_has_waited() const { return one_has_waited_; }

    void hold_up_until_one_waits_for(plain_pthread_mutex const& m) {
        in_use_ = this;
        mutex_ = &m.raw;
        struct sigaction waiting {};
        waiting.sa_handler = [](int) { in_use_->on_touch(); };
        REQUIRE(::sigaction(SIGSEGV, &waiting, &before_) == 0);
        REQUIRE(::mprotect(begin_, size_, PROT_NONE) == 0);
    }

  private:
    void on_touch() {
        auto const error = errno;
        holds_up_ = true;
        auto const& waiting = ramie::detail::parking_lot::counters.waiting[ramie::detail::lot_bucket(mutex_)];
        for (int ms = 0; ms < 10'000 && waiting == 0; ++ms) std::this_thread::sleep_for(1ms);
        one_has_waited_ = waiting != 0;
        std::this_thread::sleep_for(2ms);  // the fiber has tried, too
        (void)::sigaction(SIGSEGV, &before_, nullptr);
        (void)!::mprotect(begin_, size_, PROT_READ | PROT_WRITE);
        errno = error;
    }

    static inline slow_page* in_use_ = nullptr;
    std::size_t size_;
    void* begin_;
    void const* mutex_ = nullptr;
    struct sigaction before_ {};
    std::atomic<bool> holds_up_{false}, one_has_waited_{false};
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
            std::this_thread::sleep_for(5ms);  // the fiber begins to wait for the mutex
            while (b.value == 0) b.changed.wait(b.mutex);
            b.mutex.unlock();
        });
        while (!ready) ramie::this_fiber::sleep_for(100us);
        nobody_looks const test;  // looking is off, except at a leaving thread
        b.set(1);
        other.end();
    });
}

TEST_CASE("pthread_cond_wait: a fiber that comes just before a thread's wait unlocks is not forgotten") {
    nobody_looks const test;
    static slow_page page;
    auto& changed = *new (page.begin()) plain_pthread_cond;
    plain_pthread_mutex mutex;
    page.hold_up_until_one_waits_for(mutex);
    int value = 0;
    on_one_thread([&] {
        plain_thread other([&] {
            mutex.lock();
            while (value == 0) changed.wait(mutex);
            mutex.unlock();
        });
        while (!page.holds_up()) ramie::this_fiber::sleep_for(100us);
        mutex.lock();  // locked until then, and then unlocked inside libc
        value = 1;
        changed.signal();
        mutex.unlock();
        other.end();
    });
    CHECK(page.one_has_waited());
    changed.~plain_pthread_cond();
}

TEST_CASE("parking lot: a fiber looks as long as the thread that holds a lock is leaving it, and at no other one") {
    using namespace ramie::detail;
    nobody_looks const test;
    constexpr std::int32_t leaving = 7, another = 8;
    struct held_lock {
        std::int32_t owner;
        bool is_held = true;
        int tries = 0;
    };
    on_one_thread([] {
        for (std::int32_t const owner : {leaving, 0, another}) {  // 0: it unlocks at this moment
            CAPTURE(owner);
            held_lock lock{owner};
            lot_leaver leaver{&lock, leaving};
            parking_lot::leave_unseen(leaver);
            auto waits = parked([&] {
                lot_wait w;
                w.address = &lock;
                w.argument = &lock;
                w.attempt = [](void* l) noexcept {
                    auto& it = *static_cast<held_lock*>(l);
                    ++it.tries;
                    return it.is_held ? static_cast<int>(lot_wait::again) : 0;
                };
                w.what = "test";
                w.owner = &lock.owner;
                w.is_lock = true;
                return parking_lot::wait(w);
            });
            auto const before = lock.tries;
            ramie::this_fiber::sleep_for(2ms);
            CHECK((lock.tries > before) == (owner != another));
            lock.is_held = false;  // inside libc, which does not tell
            if (owner == another) parking_lot::wake(&lock, lot_wake::first);
            CHECK(waits.get() == 0);
            parking_lot::left_unseen(leaver);
        }
    });
}

TEST_CASE("parking lot: a thread that begins to leave a lock wakes the fiber that waits for it already") {
    using namespace ramie::detail;
    nobody_looks const test;
    on_one_thread([] {
        int tries = 0;
        auto waits = parked([&] {
            lot_wait w;
            w.address = w.argument = &tries;
            w.attempt = [](void* t) noexcept {
                return ++*static_cast<int*>(t) < 3 ? static_cast<int>(lot_wait::again) : 0;
            };
            w.what = "test";
            return parking_lot::wait(w);
        });
        CHECK(tries == 1);
        for (int left : {2, 3}) {
            lot_leaver leaver{&tries, 7};
            parking_lot::leave_unseen(leaver);
            parking_lot::left_unseen(leaver);
            ramie::this_fiber::sleep_for(1ms);
            CHECK(tries == left);
        }
        CHECK(waits.get() == 0);
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
