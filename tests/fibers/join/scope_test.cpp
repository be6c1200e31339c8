// Children that borrow their parent's locals: scope, with_scope, scoped_task, task_tracker.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/notify.hpp>
#include <ramie/scope.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/task_tracker.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("scope: leaving it waits for the children, which may use what was declared before it") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            int sum = 0;
            {
                ramie::scope children;
                for (int i = 1; i <= 3; ++i) {
                    children.spawn([&sum, i] {
                        ramie::this_fiber::sleep_for(std::chrono::milliseconds(i));
                        sum += i;
                    }).detach();
                }
            }
            return sum;
        });
        carrier.run();
        CHECK(parent.get() == 6);
    });
}

TEST_CASE("scope: leaving it by an exception aborts the children first") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::scope children;
            children.spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
            ramie::this_fiber::yield();
            throw std::runtime_error("out");
        });
        carrier.drain();
        CHECK(parent.join().error().is_exception());
        CHECK(carrier.live() == 0);
    });
}

TEST_CASE("scope: an abort of the parent that waits in the destructor reaches the children") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            {
                ramie::scope children;
                children.spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
            }
            ramie::this_fiber::abort_point();  // the abort is thrown again here
        });
        carrier.drain();
        parent.abort();
        carrier.drain();
        CHECK(parent.join().error().is_cancelled());
        CHECK(carrier.live() == 0);
    });
}

TEST_CASE("with_scope: a child's failure aborts its siblings and is thrown once all have ended, and reported nowhere else") {
    both_ways([](one_thread_carrier& carrier) {
        int reported = 0, ended = 0;
        carrier.on_unseen_failure([&](ramie::join_error const&) { ++reported; });
        auto parent = ramie::spawn([&] {
            struct note {
                int& count;
                ~note() { ++count; }
            };
            ramie::with_scope([&](ramie::scope& children) {
                children.spawn([&] {
                    note const n{ended};
                    ramie::this_fiber::sleep_for(1h);
                }).detach();
                children.spawn([&] {
                    note const n{ended};
                    ramie::this_fiber::sleep_for(1ms);
                    throw std::runtime_error("child");
                }).detach();
            });
        });
        carrier.run();
        auto const result = parent.join();
        REQUIRE(result.error().is_exception());
        CHECK(std::string(result.error().what()).find("child") != std::string::npos);
        CHECK(ended == 2);
        CHECK(reported == 0);
    });
}

TEST_CASE("with_scope: its value is the callable's, after the children ended") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            bool ended = false;
            auto const value = ramie::with_scope([&](ramie::scope& children) {
                children.spawn([&] {
                    ramie::this_fiber::sleep_for(1ms);
                    ended = true;
                }).detach();
                return 5;
            });
            CHECK(ended);
            return value;
        });
        carrier.run();
        CHECK(parent.get() == 5);
    });
}

TEST_CASE("scope: many children, most of them finished, and an abort of the rest") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::scope children;
            for (int i = 0; i < 100; ++i) {
                children.spawn([i] {
                    if (i % 10 == 0) ramie::this_fiber::sleep_for(1h);
                }).detach();
                if (i % 7 == 0) ramie::this_fiber::yield();
            }
            while (children.size() > 10) ramie::this_fiber::yield();
            children.abort_all();
            children.wait();
        });
        carrier.drain();
        CHECK(parent.is_finished());
        parent.get();
    });
}

TEST_CASE("scope: abort_all reaches every child that has not ended, however many wait in their ends") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            struct slow {
                slow() = default;
                slow(slow&& other) noexcept : counts(std::exchange(other.counts, false)) {}
                ~slow() {
                    ramie::abort_shield const whole;
                    if (counts) ramie::this_fiber::sleep_for(1ms);
                }
                bool counts = true;
            };
            int aborted = 0;
            auto const sleep = [&aborted] {
                try {
                    ramie::this_fiber::sleep_for(8s);
                } catch (ramie::aborted const&) {
                    ++aborted;
                    throw;
                }
            };
            ramie::scope children;
            for (int i = 0; i < 8; ++i) children.spawn([] { return slow(); }).detach();
            ramie::this_fiber::yield();  // all eight are finished but for their results
            children.spawn(sleep).detach();
            ramie::this_fiber::yield();
            children.spawn([] {}).detach();
            children.abort_all();
            auto const start = ramie::detail::carrier::now();
            children.wait();
            CHECK(aborted == 1);
            CHECK(ramie::detail::carrier::now() - start < 1s);
        });
        carrier.run();
        parent.get();
    });
}

TEST_CASE("scope: who is spawned after abort_all is not meant; in a scope that ends by an abort, everybody is") {
    both_ways([](one_thread_carrier& carrier) {
        int ran = 0;
        auto parent = ramie::spawn([&] {
            ramie::scope children;
            children.abort_all();
            children.spawn([&] { ++ran; }).detach();
            children.wait();
            CHECK(ran == 1);
            children.spawn([&] {
                ramie::abort_shield const whole;
                ramie::this_fiber::sleep_for(1ms);
                children.spawn([&] { ++ran; }).detach();  // the scope waits for this one, aborted before it ran
            }).detach();
            ramie::this_fiber::yield();
            throw std::runtime_error("out");
        });
        carrier.run();
        CHECK(parent.join().error().is_exception());
        CHECK(ran == 1);
    });
}

TEST_CASE("with_scope: a child that is spawned after another has failed is aborted, too") {
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        auto parent = ramie::spawn([&] {
            ramie::with_scope([&](ramie::scope& children) {
                children.spawn([] { throw std::runtime_error("child"); }).detach();
                ramie::this_fiber::yield();
                children.spawn([&] { ran = true; }).detach();
            });
        });
        carrier.run();
        CHECK(parent.join().error().is_exception());
        CHECK_FALSE(ran);
    });
}

TEST_CASE("scoped_task: leaving its block aborts and joins the task") {
    both_ways([](one_thread_carrier& carrier) {
        auto const before = tracked::alive();
        auto parent = ramie::spawn([] {
            ramie::scoped_task<void> task(ramie::spawn([held = tracked(1)] { ramie::this_fiber::sleep_for(1h); }));
            ramie::this_fiber::yield();
            CHECK_FALSE(task.is_finished());
        });
        carrier.drain();
        CHECK(parent.is_finished());
        CHECK(tracked::alive() == before);
        parent.get();
    });
}

TEST_CASE("scoped_task: can be waited for, also with a limit, and keeps the result") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::scoped_task<int> task(ramie::spawn([] {
                ramie::this_fiber::sleep_for(10ms);
                return 5;
            }));
            std::chrono::steady_clock::time_point const start{};
            CHECK_FALSE(task.wait_for(1ms));
            CHECK_FALSE(task.wait_until(start));
            CHECK(task.wait_for(1h));
            CHECK(task.wait_until(start));
            task.wait();
            CHECK(task.get() == 5);
            CHECK_THROWS_AS((void)task.wait_for(1h), std::logic_error);
        });
        carrier.run();
        parent.get();
    });
}

TEST_CASE("task_tracker: wait returns once it is closed and empty") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::task_tracker tracker;
        ramie::notify go;
        for (int i = 0; i < 3; ++i) tracker.spawn([&] { go.wait(); }).detach();
        auto waiting = ramie::spawn([&] { tracker.wait(); });
        carrier.drain();
        CHECK(tracker.size() == 3);
        go.notify_all();
        carrier.drain();
        CHECK(tracker.size() == 0);
        CHECK_FALSE(waiting.is_finished());  // not closed
        tracker.close();
        carrier.drain();
        CHECK(waiting.is_finished());
        waiting.get();
        tracker.reopen();
        CHECK_FALSE(tracker.is_closed());
    });
}

TEST_CASE("task_tracker: a token counts like a task") {
    one_thread_carrier carrier;
    ramie::task_tracker tracker;
    {
        auto const token = tracker.track();
        auto const copy = token;
        CHECK(tracker.size() == 2);
    }
    CHECK(tracker.size() == 0);
}
