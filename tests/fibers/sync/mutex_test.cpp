// The mutex: order, handover, and what an abort or a timeout does to those who wait.
#include "both_ways.hpp"
#include "child_process.hpp"

#include <ramie/mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Tasks that lock `m` one after another, each adding its letter to the trace while it holds it.
struct queue_of_lockers {
    ramie::mutex m;
    std::string trace;
    std::vector<ramie::join_handle<void>> tasks;

    void add(char name) {
        tasks.push_back(ramie::spawn([this, name] {
            std::lock_guard held(m);
            trace += name;
            ramie::this_fiber::yield();
        }));
    }
    auto& operator[](char name) { return tasks[static_cast<std::size_t>(name - 'a')]; }

    // a, b, c ... wait for the mutex, which the test holds.
    explicit queue_of_lockers(one_thread_carrier& carrier, std::string_view names = "abcd") {
        m.lock();
        for (char const name : names) add(name);
        carrier.drain();
        CHECK(trace == "");
    }
};

}  // namespace

TEST_CASE("mutex: excludes others while it is held, over suspensions too") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        int inside = 0, most = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(ramie::spawn([&] {
                for (int n = 0; n < 10; ++n) {
                    m.lock();
                    most = std::max(most, ++inside);
                    if (n % 3 == 0) ramie::this_fiber::yield();
                    if (n % 3 == 1) ramie::this_fiber::sleep_for(1ms);
                    --inside;
                    m.unlock();
                    if (n % 2 == 0) ramie::this_fiber::yield();
                }
            }));
        }
        carrier.run();
        CHECK(most == 1);
        CHECK(inside == 0);
        for (auto& t : tasks) t.get();
        CHECK(m.try_lock());
    });
}

TEST_CASE("mutex: is handed to whoever waited longest") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier, "abcdefgh");
        q.m.unlock();
        carrier.drain();
        CHECK(q.trace == "abcdefgh");
        CHECK(q.m.try_lock());
        for (auto& t : q.tasks) t.get();
    });
}

TEST_CASE("mutex: belongs to the next one from the unlock on, before that one runs") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier, "a");
        q.m.unlock();
        CHECK_FALSE(q.m.try_lock());
        q.add('b');  // comes later, though it may run first
        carrier.drain();
        CHECK(q.trace == "ab");
        for (auto& t : q.tasks) t.get();
    });
}

TEST_CASE("mutex: one that is unlocked and locked again by the same task passes to the others in between") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        std::string trace;
        auto const work = [&](char name) {
            for (int i = 0; i < 3; ++i) {
                std::lock_guard held(m);
                trace += name;
                ramie::this_fiber::yield();
            }
        };
        auto a = ramie::spawn(work, 'a'), b = ramie::spawn(work, 'b');
        carrier.drain();
        CHECK(trace == "ababab");
        a.get();
        b.get();
    });
}

// The holder lets go only for an instant and takes it again at once; it is a plain thread, so the waiter may be overtaken.
TEST_CASE("mutex: a waiter who is overtaken each time gets it in the end") {
    for (int round = 0; round < 50; ++round) {
        ramie::mutex m;
        std::atomic<bool> about_to{false}, had_it{false};
        m.lock();
        std::thread waiter([&] {
            about_to = true;
            std::lock_guard const held(m);
            had_it = true;
        });
        while (!about_to) std::this_thread::yield();
        while (!had_it) {
            m.unlock();
            m.lock();
            std::this_thread::yield();  // where threads run one at a time (Valgrind), the waiter looks now
        }
        m.unlock();
        waiter.join();
    }
}

TEST_CASE("mutex: where others run beside, the first waiter is overtaken four times, keeps its place, and then is handed it") {
    one_thread_carrier carrier;
    carrier.seem_accompanied();
    queue_of_lockers q(carrier, "ab");
    int overtaken = 0;
    q.m.unlock();  // wakes a, who may look for itself
    while (overtaken < 100 && q.m.try_lock()) {
        ++overtaken;
        carrier.drain();
        CHECK(q.trace == "");
        q.m.unlock();
    }
    CHECK(overtaken == 4);  // then it was handed over
    carrier.drain();
    CHECK(q.trace == "ab");
    for (auto& t : q.tasks) t.get();
}

TEST_CASE("mutex: try_lock takes it if it is free, and never waits") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        CHECK(m.try_lock());
        auto task = ramie::spawn([&] {
            CHECK_FALSE(m.try_lock());
            m.lock();
            CHECK_FALSE(m.try_lock());
            m.unlock();
            CHECK(m.try_lock());
            m.unlock();
        });
        carrier.drain();
        m.unlock();
        carrier.drain();
        CHECK(task.is_finished());
        task.get();
    });
}

TEST_CASE("mutex: works with lock_guard, unique_lock and scoped_lock of several") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex first, second;
        int meetings = 0;
        auto const meet = [&](ramie::mutex& a, ramie::mutex& b) {
            for (int i = 0; i < 10; ++i) {
                std::scoped_lock both(a, b);
                ++meetings;
                ramie::this_fiber::yield();
            }
        };
        auto one = ramie::spawn(meet, std::ref(first), std::ref(second));
        auto other = ramie::spawn(meet, std::ref(second), std::ref(first));
        auto third = ramie::spawn([&] {
            std::unique_lock lock(first, std::defer_lock);
            while (!lock.try_lock()) ramie::this_fiber::yield();
            lock.unlock();
            lock.lock();
            std::lock_guard held(second);
        });
        carrier.drain();
        CHECK(meetings == 20);
        one.get();
        other.get();
        third.get();
    });
}

TEST_CASE("mutex: a second lock by its holder is refused, and it stays held") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        auto task = ramie::spawn({.name = "greedy"}, [&] {
            std::lock_guard held(m);
            try {
                m.lock();
                CHECK(false);
            } catch (std::system_error const& e) {
                CHECK(e.code() == std::errc::resource_deadlock_would_occur);
                CHECK(std::string(e.what()).find("\"greedy\" locks a mutex it holds") != std::string::npos);
            }
            CHECK_FALSE(m.try_lock());
        });
        carrier.drain();
        task.get();
        CHECK(m.try_lock());
    });
}

// --- abort and timeout ---

TEST_CASE("mutex: an aborted waiter in the middle is left out, and its neighbours keep their order") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier);
        q['b'].abort();
        q['c'].abort();
        carrier.drain();
        CHECK(q['b'].is_finished());
        q.m.unlock();
        carrier.drain();
        CHECK(q.trace == "ad");
        CHECK(q['b'].join().error().is_cancelled());
        CHECK(q['c'].join().error().is_cancelled());
        CHECK(q.m.try_lock());
    });
}

TEST_CASE("mutex: waiters that were aborted but have not run yet are passed over") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier);
        q['a'].abort();
        q['c'].abort();
        q.m.unlock();
        carrier.drain();
        CHECK(q.trace == "bd");
        CHECK(q.m.try_lock());
    });
}

TEST_CASE("mutex: with all its waiters aborted it is free after the unlock") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const unlock_before_they_run : {true, false}) {
            CAPTURE(unlock_before_they_run);
            queue_of_lockers q(carrier);
            for (auto& t : q.tasks) t.abort();
            if (!unlock_before_they_run) carrier.drain();
            CHECK_FALSE(q.m.try_lock());
            q.m.unlock();
            CHECK(q.m.try_lock());
            carrier.drain();
            CHECK(q.trace == "");
            CHECK_FALSE(q.m.try_lock());
            q.m.unlock();
            CHECK(q.m.try_lock());
        }
    });
}

TEST_CASE("mutex: taken and waited for anew while the only waiter is still being aborted") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier, "a");
        q['a'].abort();
        q.m.unlock();
        q.m.lock();
        q.add('b');
        carrier.drain();
        CHECK(q['a'].join().error().is_cancelled());
        q.m.unlock();
        carrier.drain();
        CHECK(q.trace == "b");
        CHECK(q.m.try_lock());
        q['b'].get();
    });
}

TEST_CASE("mutex: a waiter to whom it was handed before the abort gets it; the abort comes at its next abort point") {
    both_ways([](one_thread_carrier& carrier) {
        queue_of_lockers q(carrier, "ab");
        q.m.unlock();
        q['a'].abort();
        carrier.drain();
        CHECK(q.trace == "ab");  // a was aborted in its yield, and let go
        CHECK(q['a'].join().error().is_cancelled());
        CHECK(q['b'].join().has_value());
        CHECK(q.m.try_lock());
    });
}

TEST_CASE("mutex: a waiter whose time is up leaves the queue; one handed the mutex first has it") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        m.lock();
        auto const locks = [&] {
            return ramie::timeout(1s, [&] { m.lock(); }).has_value();
        };
        auto late = ramie::spawn(locks);
        carrier.drain();
        carrier.advance(1s);
        m.unlock();
        CHECK(m.try_lock());
        carrier.drain();
        CHECK_FALSE(late.get());

        auto just_in_time = ramie::spawn(locks);
        carrier.drain();
        m.unlock();
        carrier.advance(1s);
        carrier.drain();
        CHECK(just_in_time.get());
        CHECK_FALSE(m.try_lock());
    });
}

TEST_CASE("mutex: one that is destroyed while a task waits for it dies, naming both") {
    auto const end = in_child([] {
        one_thread_carrier carrier;
        auto m = std::make_unique<ramie::mutex>();
        m->lock();
        auto task = ramie::spawn({.name = "orphan"}, [&] { m->lock(); });
        carrier.drain();
        m.reset();
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("ramie: a mutex is destroyed while task "), end.output);
    CHECK_MESSAGE(end.said("\"orphan\" waits on it"), end.output);
}
