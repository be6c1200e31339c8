// A runtime without threads: tasks run in block_on, on the thread that calls it.
#include "tracked.hpp"

#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using ramie::testing::tracked;

TEST_CASE("current_thread: all tasks run on the calling thread, and only inside block_on") {
    ramie::runtime rt({.current_thread = true});
    std::atomic<int> ran{0};
    auto const here = std::this_thread::get_id();
    auto waiting = rt.spawn([&] {
        ++ran;
        return std::this_thread::get_id() == here;
    });
    CHECK(rt.metrics().live_tasks == 1);
    CHECK(ran.load() == 0);
    rt.block_on([&] {
        CHECK(std::this_thread::get_id() == here);
        ramie::this_fiber::sleep_for(1ms);
        CHECK(ramie::spawn([] { return std::this_thread::get_id(); }).get() == here);
    });
    CHECK(ran.load() == 1);
    CHECK(waiting.get());
}

TEST_CASE("current_thread: is woken by foreign threads: by a spawn, a notification, an unlock, a blocking job") {
    ramie::runtime rt({.current_thread = true});
    auto const handle = rt.handle();
    ramie::notify go;
    ramie::mutex lock;
    std::atomic<bool> locked{false}, spawned{false};
    std::jthread other([&] {
        lock.lock();
        locked = true;
        auto from_outside = handle.spawn([&] { spawned = true; });
        from_outside.get();  // a plain thread joins
        go.notify_one();
        std::this_thread::sleep_for(1ms);
        lock.unlock();
    });
    rt.block_on([&] {
        go.wait();
        CHECK(spawned.load());
        lock.lock();
        CHECK(locked.load());
        lock.unlock();
        CHECK(ramie::spawn_blocking([] { return 3; }).get() == 3);
        CHECK_FALSE(ramie::timeout(1ms, [&] { go.wait(); }).has_value());
    });
}

TEST_CASE("current_thread: parked tasks go on in a later block_on, also when another thread calls it") {
    ramie::runtime rt({.current_thread = true});
    ramie::notify go;
    std::string trace;
    auto task = rt.spawn([&] {
        trace += "a";
        go.wait();
        trace += "b";
        ramie::this_fiber::yield();
        trace += "c";
    });
    rt.block_on([] { ramie::this_fiber::sleep_for(1ms); });
    CHECK(trace == "a");
    go.notify_one();
    CHECK(trace == "a");
    std::thread([&] { rt.block_on([&] { CHECK(task.join().has_value()); }); }).join();
    CHECK(trace == "abc");
}

TEST_CASE("current_thread: a second thread in block_on is refused, and its callable never runs") {
    ramie::runtime rt({.current_thread = true});
    ramie::notify inside, refused;
    std::atomic<bool> ran{false};
    std::jthread other([&] {
        inside.wait();
        CHECK_THROWS_AS(rt.block_on([&ran, held = tracked()] { ran = true; }), std::logic_error);
        refused.notify_one();
    });
    rt.block_on([&] {
        inside.notify_one();
        refused.wait();
        for (int i = 0; i < 1000; ++i) ramie::this_fiber::yield();
    });
    CHECK_FALSE(ran.load());
    CHECK(tracked::alive() == 0);
}

TEST_CASE("current_thread: destroyed with tasks unstarted, parked and yielding: all are gone") {
    std::atomic<int> started{0};
    {
        ramie::runtime rt({.current_thread = true});
        rt.block_on([&] {
            ramie::spawn([&, held = tracked()] {
                ++started;
                tracked const local;
                ramie::this_fiber::sleep_for(1h);
            }).detach();
            ramie::spawn([&, held = tracked()] {
                ++started;
                tracked const local;
                for (;;) ramie::this_fiber::yield();
            }).detach();
            ramie::this_fiber::sleep_for(1ms);
        });
        CHECK(started.load() == 2);
        for (int i = 0; i < 10; ++i) rt.spawn([&, held = tracked()] { ++started; }).detach();
        CHECK(tracked::alive() == 4 + 10);
    }
    CHECK(started.load() == 2);  // the unstarted ones never ran
    CHECK(tracked::alive() == 0);
}

TEST_CASE("current_thread: destroyed while a blocking job runs, which sees its stop_token") {
    std::atomic<bool> stopped{false}, running{false};
    {
        ramie::runtime rt({.current_thread = true});
        rt.block_on([&] {
            ramie::spawn_blocking([&](std::stop_token stop) {
                running = true;
                while (!stop.stop_requested()) std::this_thread::yield();
                stopped = true;
            }).detach();
            while (!running) ramie::this_fiber::yield();
        });
    }
    CHECK(stopped.load());
}

// --- a runtime inside a task of another, or inside a timeout ---

TEST_CASE("block_on: a timeout round it ends its root, which may borrow the caller's locals") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        ramie::runtime rt({.workers = 1, .current_thread = current_thread});
        std::string trace;
        auto const ended = ramie::timeout(10ms, [&] {
            tracked const local;
            rt.block_on([&] {
                struct last {
                    std::string& trace;
                    ~last() {
                        ramie::abort_shield const whole;
                        ramie::this_fiber::sleep_for(1ms);
                        trace += tracked::alive() == 1 ? "root" : "late";
                    }
                } const at_end{trace};
                ramie::this_fiber::sleep_for(1h);
            });
        });
        CHECK_FALSE(ended.has_value());
        CHECK(trace == "root");
        CHECK(rt.block_on([] { return 5; }) == 5);  // it is as good as before
    }
}

TEST_CASE("block_on: an abort of the task that calls it reaches its root") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        std::atomic<bool> inside{false}, root_ended{false};
        ramie::runtime outer({.workers = 1});
        auto caller = outer.spawn([&] {
            ramie::runtime inner({.workers = 1, .current_thread = current_thread});
            inner.block_on([&] {
                struct last {
                    std::atomic<bool>& ended;
                    ~last() { ended = true; }
                } const at_end{root_ended};
                inside = true;
                ramie::this_fiber::sleep_for(1h);
            });
        });
        while (!inside) std::this_thread::yield();
        caller.abort();
        CHECK(caller.join().error().is_cancelled());
        CHECK(root_ended.load());
    }
}

TEST_CASE("block_on: a task that is shielded from its abort lets the root end in its own time") {
    std::atomic<bool> inside{false}, aborted{false};
    ramie::runtime outer({.workers = 1});
    auto caller = outer.spawn([&] {
        ramie::abort_shield const whole;
        return ramie::run({.current_thread = true}, [&] {
            inside = true;
            while (!aborted) ramie::this_fiber::yield();
            ramie::this_fiber::sleep_for(1ms);
            return 7;
        });
    });
    while (!inside) std::this_thread::yield();
    caller.abort();
    aborted = true;
    CHECK(caller.get() == 7);
}

TEST_CASE("block_on: an outer timeout reaches a current_thread runtime inside another") {
    int const rounds = ramie::run({.current_thread = true}, [] {
        int n = 0;
        auto const ended = ramie::timeout(10ms, [&] {
            ramie::run({.current_thread = true}, [&] {
                for (;;) {
                    ++n;
                    ramie::this_fiber::yield();
                }
            });
        });
        CHECK_FALSE(ended.has_value());
        return n;
    });
    CHECK(rounds > 0);
}
