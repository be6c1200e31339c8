// Plain threads wait in the same queues: for tasks, for fibers' primitives, for each other. No test here sleeps: who
// must have parked is looked at until it has.
#include "child_process.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// A thread whose parking can be seen.
class watched_thread {
  public:
    template <class F>
    explicit watched_thread(F&& f)
        : thread_([this, body = std::forward<F>(f)]() mutable {
              me_.store(&ramie::detail::thread_waiter::of_this_thread(), std::memory_order_release);
              body();
          }) {}

    void wait_until_parked() const {
        for (;;) {
            auto const* const w = me_.load(std::memory_order_acquire);
            if (w != nullptr && w->state.current() == ramie::detail::task_state::phase::parked) return;
            std::this_thread::yield();
        }
    }
    void join() { thread_.join(); }

  private:
    std::atomic<ramie::detail::thread_waiter*> me_{nullptr};
    std::thread thread_;
};

}  // namespace

TEST_CASE("thread: joins a task that the carrier's thread runs meanwhile") {
    for (bool const parked_first : {true, false}) {
        for (int round = 0; round < (parked_first ? 10 : 200); ++round) {
            one_thread_carrier carrier;
            auto task = ramie::spawn([] {
                ramie::this_fiber::yield();
                return std::string("value");
            });
            std::string received;
            watched_thread joiner([&] { received = task.get(); });
            if (parked_first) joiner.wait_until_parked();
            carrier.drain();
            joiner.join();
            CHECK(received == "value");
            CHECK(carrier.live() == 0);
        }
    }
}

TEST_CASE("thread: learns of a task's failure and of its abort") {
    one_thread_carrier carrier;
    auto fails = ramie::spawn([] { throw 1; });
    auto aborted = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
    watched_thread first([&] { CHECK_THROWS_AS(fails.get(), int); });
    watched_thread second([&] { CHECK_THROWS_AS(aborted.get(), ramie::join_error); });
    first.wait_until_parked();
    second.wait_until_parked();
    carrier.drain();
    first.join();
    aborted.abort_handle().abort();
    carrier.drain();
    second.join();
}

TEST_CASE("thread: joins with a limit; a task that has not ended is not joined") {
    one_thread_carrier carrier;
    auto task = ramie::spawn([] { return 1; });
    std::thread([&] {
        CHECK_FALSE(task.wait_for(0s));
        CHECK_FALSE(task.wait_for(1ms));
        CHECK_FALSE(task.wait_until(std::chrono::steady_clock::now() + 1ms));
        CHECK(task.valid());
    }).join();
    carrier.drain();
    std::thread([&] {
        CHECK(task.wait_for(1h));
        CHECK(task.get() == 1);
    }).join();
}

TEST_CASE("thread: a limit and the task's end at about the same time agree on one answer") {
    for (int round = 0; round < 200; ++round) {
        one_thread_carrier carrier;
        auto task = ramie::spawn([] { return 1; });
        watched_thread joiner([&] {
            while (!task.wait_for(std::chrono::microseconds(1))) {}
            CHECK(task.is_finished());
        });
        carrier.drain();
        joiner.join();
        CHECK(task.get() == 1);
    }
}

TEST_CASE("thread: waits for a mutex that another thread holds, in turn") {
    ramie::mutex m;
    std::string trace;
    m.lock();
    watched_thread a([&] {
        std::lock_guard held(m);
        trace += 'a';
    });
    a.wait_until_parked();
    watched_thread b([&] {
        std::lock_guard held(m);
        trace += 'b';
    });
    b.wait_until_parked();
    m.unlock();
    a.join();
    b.join();
    CHECK(trace == "ab");
    CHECK(m.try_lock());
    CHECK_THROWS_WITH_AS(m.lock(), doctest::Contains("a plain thread locks a mutex it holds"), std::system_error);
}

TEST_CASE("thread: a mutex excludes threads from each other") {
    ramie::mutex m;
    long count = 0;
    auto const work = [&] {
        for (int i = 0; i < 5000; ++i) {
            std::lock_guard held(m);
            ++count;
        }
    };
    std::thread a(work), b(work), c(work);
    a.join();
    b.join();
    c.join();
    CHECK(count == 15'000);
}

TEST_CASE("thread: waits for a condition that another thread makes true, with any lock") {
    ramie::condition_variable changed;
    std::mutex m;  // a BasicLockable like any other, between threads
    int turn = 0;
    auto const play = [&](int mine) {
        for (int i = 0; i < 200; ++i) {
            std::unique_lock lock(m);
            changed.wait(lock, [&] { return turn == mine; });
            turn = 1 - mine;
            changed.notify_all();
        }
    };
    std::thread a(play, 0), b(play, 1);
    a.join();
    b.join();
    CHECK(turn == 0);
}

TEST_CASE("thread: notify wakes threads one by one, all at once, or keeps a permit for one to come") {
    ramie::notify n;
    n.notify_one();
    std::thread([&] { n.wait(); }).join();

    std::atomic<int> woken{0};
    auto const wait = [&] {
        n.wait();
        woken.fetch_add(1, std::memory_order_relaxed);
    };
    watched_thread a(wait);
    a.wait_until_parked();
    watched_thread b(wait);
    b.wait_until_parked();
    n.notify_one();
    a.join();
    CHECK(woken == 1);
    watched_thread c(wait);
    c.wait_until_parked();
    n.notify_all();
    b.join();
    c.join();
    CHECK(woken == 3);
    CHECK_FALSE(n.wait_for(0s));
}

TEST_CASE("thread: limits and timeouts end its waits") {
    ramie::notify n;
    ramie::mutex m;
    ramie::condition_variable changed;
    m.lock();
    std::thread([&] {
        CHECK_FALSE(n.wait_for(1ms));
        CHECK_FALSE(ramie::timeout(1ms, [&] { n.wait(); }).has_value());
        CHECK_FALSE(ramie::timeout(1ms, [&] { m.lock(); }).has_value());
        CHECK_FALSE(ramie::timeout(1ms, [&] { ramie::this_fiber::sleep_for(1h); }).has_value());
        CHECK(ramie::timeout(1h, [&] { ramie::this_fiber::sleep_for(1ms); }).has_value());
        ramie::mutex own;
        std::unique_lock lock(own);
        CHECK(changed.wait_for(lock, 1ms) == std::cv_status::timeout);
        CHECK_FALSE(changed.wait_until(lock, std::chrono::system_clock::now() + 1ms, [] { return false; }));
        CHECK_FALSE(ramie::timeout(1ms, [&] { changed.wait(lock); }).has_value());
        CHECK(lock.owns_lock());
    }).join();
    m.unlock();
    CHECK(m.try_lock());
}

TEST_CASE("thread: a notification and a limit at about the same time: one of them, and no permit lost") {
    ramie::notify n;
    int kept = 0, received = 0;
    for (int round = 0; round < 300; ++round) {
        bool got = false;
        watched_thread waiter([&] { got = n.wait_for(std::chrono::microseconds(round % 60)); });
        n.notify_one();
        waiter.join();
        (got ? received : kept) += 1;
        CHECK(n.wait_for(0s) == !got);
    }
    CHECK(kept + received == 300);
}

TEST_CASE("thread: its errno survives a wait") {
    ramie::notify n;
    watched_thread waiter([&] {
        errno = EDOM;
        n.wait();
        CHECK(errno == EDOM);
        (void)n.wait_for(1ms);
        CHECK(errno == EDOM);
    });
    waiter.wait_until_parked();
    n.notify_one();
    waiter.join();
}

TEST_CASE("thread: a primitive that is destroyed while a thread waits for it dies") {
    auto const end = in_child([] {
        auto n = std::make_unique<ramie::notify>();
        watched_thread waiter([&] { n->wait(); });
        waiter.wait_until_parked();
        n.reset();
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("ramie: a notify is destroyed while a plain thread waits on it"), end.output);
}
