// condition_variable: notifications, limits, any lock; and that the lock is held again however a wait ends.
#include "both_ways.hpp"
#include "child_process.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Tasks a, b, c ... that wait in this order.
struct line_of_waiters {
    ramie::mutex m;
    ramie::condition_variable changed;
    std::string trace;
    std::vector<ramie::join_handle<void>> tasks;

    line_of_waiters(one_thread_carrier& carrier, std::string_view names) {
        for (char const name : names) {
            tasks.push_back(ramie::spawn([this, name] {
                std::unique_lock lock(m);
                changed.wait(lock);
                CHECK(lock.owns_lock());
                CHECK_FALSE(m.try_lock());
                trace += name;
            }));
        }
        carrier.drain();
        CHECK(trace == "");
        CHECK(is_free());
    }
    bool is_free() { return m.try_lock() && (m.unlock(), true); }
    auto& operator[](char name) { return tasks[static_cast<std::size_t>(name - 'a')]; }
};

// The least that the standard calls a lock. It does not park, so whoever holds it must not suspend.
struct plain_lock {
    bool held = false;
    int locked = 0, unlocked = 0;
    void lock() {
        CHECK_FALSE(held);
        held = true;
        ++locked;
    }
    void unlock() {
        CHECK(held);
        held = false;
        ++unlocked;
    }
};

}  // namespace

TEST_CASE("condition_variable: notify_one wakes the one that waited longest, which holds the lock again") {
    both_ways([](one_thread_carrier& carrier) {
        line_of_waiters w(carrier, "abc");
        w.changed.notify_one();
        carrier.drain();
        CHECK(w.trace == "a");
        w.changed.notify_one();
        carrier.drain();
        CHECK(w.trace == "ab");
        w.changed.notify_one();
        carrier.drain();
        CHECK(w.trace == "abc");
        CHECK(w.is_free());
        for (auto& t : w.tasks) t.get();
    });
}

TEST_CASE("condition_variable: notify_all wakes all, in order") {
    both_ways([](one_thread_carrier& carrier) {
        line_of_waiters w(carrier, "abcd");
        w.changed.notify_all();
        carrier.drain();
        CHECK(w.trace == "abcd");
        for (auto& t : w.tasks) t.get();
    });
}

TEST_CASE("condition_variable: a notification that meets nobody is forgotten") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::condition_variable changed;
        changed.notify_one();
        changed.notify_all();
        ramie::mutex m;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            return changed.wait_for(lock, 1s);
        });
        carrier.run();
        CHECK(task.get() == std::cv_status::timeout);
    });
}

TEST_CASE("condition_variable: a woken waiter waits for the lock if somebody has it") {
    both_ways([](one_thread_carrier& carrier) {
        line_of_waiters w(carrier, "a");
        w.m.lock();
        w.changed.notify_one();
        carrier.drain();
        CHECK(w.trace == "");
        w.m.unlock();
        carrier.drain();
        CHECK(w.trace == "a");
        w['a'].get();
    });
}

TEST_CASE("condition_variable: a wait with a predicate goes on until it holds, and not at all if it holds already") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        int value = 0;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            changed.wait(lock, [&] { return value == 0; });
            changed.wait(lock, [&] { return value == 2; });
            return value;
        });
        carrier.drain();
        for (int const next : {1, 2}) {
            CHECK_FALSE(task.is_finished());
            value = next;
            changed.notify_one();
            carrier.drain();
        }
        CHECK(task.get() == 2);
    });
}

TEST_CASE("condition_variable: wait_for and wait_until say how they ended") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        auto const soon = [] { return ramie::detail::carrier::now() + 1s; };
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            bool yes = true, no = false;
            CHECK(changed.wait_for(lock, 1s) == std::cv_status::timeout);
            CHECK(changed.wait_until(lock, soon()) == std::cv_status::timeout);
            CHECK_FALSE(changed.wait_for(lock, 1s, [&] { return no; }));
            CHECK_FALSE(changed.wait_until(lock, soon(), [&] { return no; }));
            CHECK(changed.wait_for(lock, 1s, [&] { return yes; }));
            CHECK(changed.wait_until(lock, soon(), [&] { return yes; }));
            CHECK(changed.wait_for(lock, 0s) == std::cv_status::timeout);
            CHECK(lock.owns_lock());
            CHECK_FALSE(m.try_lock());
        });
        carrier.run();
        CHECK(task.is_finished());
        task.get();

        auto in_time = ramie::spawn([&] {
            std::unique_lock lock(m);
            CHECK(changed.wait_for(lock, 1s) == std::cv_status::no_timeout);
            CHECK(changed.wait_for(lock, std::chrono::hours::max()) == std::cv_status::no_timeout);
        });
        carrier.drain();
        changed.notify_one();
        carrier.drain();
        CHECK(carrier.armed() == 0);
        changed.notify_one();
        carrier.drain();
        in_time.get();
    });
}

TEST_CASE("condition_variable: a predicate that became true by the deadline counts") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        bool ready = false;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            return changed.wait_for(lock, 1s, [&] { return ready; });
        });
        carrier.drain();
        ready = true;
        carrier.run();
        CHECK(task.get());
    });
}

TEST_CASE("condition_variable: any lock will do, and each wait unlocks and locks it once") {
    both_ways([](one_thread_carrier& carrier) {
        plain_lock lock;
        ramie::condition_variable changed;
        auto task = ramie::spawn([&] {
            lock.lock();
            changed.wait(lock);
            CHECK(lock.held);
            (void)changed.wait_for(lock, 1s);
            CHECK(lock.held);
            lock.unlock();
        });
        carrier.drain();
        CHECK_FALSE(lock.held);
        changed.notify_one();
        carrier.run();
        task.get();
        CHECK(lock.locked == 3);
        CHECK(lock.unlocked == 3);
    });
}

// --- abort and timeout ---

TEST_CASE("condition_variable: an aborted waiter holds the lock again before it throws") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        bool thrown = false;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            try {
                changed.wait(lock);
            } catch (ramie::aborted const&) {
                thrown = true;
                CHECK(lock.owns_lock());
                CHECK_FALSE(m.try_lock());
                throw;
            }
        });
        carrier.drain();
        m.lock();
        task.abort();
        carrier.drain();
        CHECK_FALSE(thrown);  // it waits for the lock, shielded
        m.unlock();
        carrier.drain();
        CHECK(thrown);
        CHECK(task.join().error().is_cancelled());
        CHECK(m.try_lock());
    });
}

TEST_CASE("condition_variable: a waiter whose timeout passed holds the lock again before it throws, however late") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            auto const ended = ramie::timeout(1s, [&] { changed.wait(lock); });
            CHECK(lock.owns_lock());
            CHECK_FALSE(m.try_lock());
            return ended.has_value();
        });
        carrier.drain();
        m.lock();
        carrier.advance(5s);
        carrier.drain();
        CHECK_FALSE(task.is_finished());
        m.unlock();
        carrier.drain();
        CHECK_FALSE(task.get());
    });
}

TEST_CASE("condition_variable: an abort on entry leaves the lock as it is") {
    both_ways([](one_thread_carrier& carrier) {
        plain_lock lock;
        ramie::condition_variable changed;
        ramie::abort_handle self;
        auto task = ramie::spawn([&] {
            lock.lock();
            self.abort();
            changed.wait(lock);
        });
        self = task.abort_handle();
        carrier.drain();
        CHECK(lock.held);
        CHECK(lock.unlocked == 0);
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("condition_variable: a notification that meets an aborted waiter goes to the next") {
    both_ways([](one_thread_carrier& carrier) {
        line_of_waiters w(carrier, "abc");
        w['a'].abort();
        w.changed.notify_one();  // before a runs
        carrier.drain();
        CHECK(w.trace == "b");
        CHECK(w['a'].join().error().is_cancelled());
        w.changed.notify_all();
        carrier.drain();
        CHECK(w.trace == "bc");
    });
}

TEST_CASE("condition_variable: a notification that meets a waiter whose time is up goes to the next") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        auto const wait = [&](auto limit) {
            std::unique_lock lock(m);
            return changed.wait_for(lock, limit);
        };
        auto late = ramie::spawn(wait, 1s), patient = ramie::spawn(wait, 5s);
        carrier.drain();
        carrier.advance(1s);
        changed.notify_one();
        carrier.drain();
        CHECK(late.get() == std::cv_status::timeout);
        CHECK(patient.get() == std::cv_status::no_timeout);
    });
}

TEST_CASE("condition_variable: a waiter that was notified before its abort returns; the abort comes later") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        bool received = false;
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            changed.wait(lock);
            received = true;
            ramie::this_fiber::abort_point();
        });
        carrier.drain();
        m.lock();
        changed.notify_one();
        carrier.drain();  // it waits for the lock now
        task.abort();
        carrier.drain();
        CHECK_FALSE(task.is_finished());
        m.unlock();
        carrier.drain();
        CHECK(received);
        CHECK(task.join().error().is_cancelled());
        CHECK(m.try_lock());
    });
}

TEST_CASE("condition_variable: may be destroyed while those it notified still wait for the lock") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        auto changed = std::make_unique<ramie::condition_variable>();
        auto const wait = [&] {
            std::unique_lock lock(m);
            changed->wait(lock);
        };
        auto a = ramie::spawn(wait), b = ramie::spawn(wait);
        carrier.drain();
        m.lock();
        changed->notify_all();
        changed.reset();
        carrier.drain();
        m.unlock();
        carrier.drain();
        a.get();
        b.get();
    });
}

TEST_CASE("condition_variable: one that is destroyed while a task waits for it dies, naming both") {
    auto const end = in_child([] {
        one_thread_carrier carrier;
        ramie::mutex m;
        auto changed = std::make_unique<ramie::condition_variable>();
        auto task = ramie::spawn({.name = "orphan"}, [&] {
            std::unique_lock lock(m);
            changed->wait(lock);
        });
        carrier.drain();
        changed.reset();
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("ramie: a condition_variable is destroyed while task "), end.output);
    CHECK_MESSAGE(end.said("\"orphan\" waits on it"), end.output);
}
