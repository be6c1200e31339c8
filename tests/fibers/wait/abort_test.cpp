// Abort: where it is thrown, how long it lasts, what masks it, and what it leaves behind.
#include "both_ways.hpp"
#include "places.hpp"

#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// A task that may abort itself.
template <class F>
auto spawn_suicidal(F&& f) {
    auto self = std::make_shared<ramie::abort_handle>();
    auto task = ramie::spawn([self, body = std::forward<F>(f)] { return body(*self); });
    *self = task.abort_handle();
    return task;
}

}  // namespace

TEST_CASE("abort: every parked wait throws aborted, once, and can be used by others afterwards") {
    both_ways([](one_thread_carrier& carrier) {
        for (auto const& [what, wait] : places::all()) {
            CAPTURE(what);
            places p;
            p.child = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours::max()); });
            int thrown = 0;
            auto task = ramie::spawn([&] {
                try {
                    wait(p);
                } catch (ramie::aborted const&) {
                    ++thrown;
                    throw;
                }
            });
            carrier.drain();
            CHECK_FALSE(task.is_finished());
            task.abort();
            CHECK_FALSE(task.is_finished());
            carrier.drain();
            CHECK(thrown == 1);
            CHECK(task.join().error().is_cancelled());
            CHECK(carrier.armed() == 0);

            auto after = ramie::spawn([&] { wait(p); });
            carrier.drain();
            p.held.unlock();
            p.changed.notify_one();
            p.signal.notify_one();
            p.child.abort();
            carrier.run();
            CHECK(after.is_finished());
            (void)after.join();
            CHECK(p.free.try_lock());
        }
    });
}

TEST_CASE("abort: ends a sleep without end") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours::max()); });
        carrier.run();
        task.abort();
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("abort: a running task is stopped at its next suspension point, even if that would not wait") {
    both_ways([](one_thread_carrier& carrier) {
        auto const ready = std::vector<places::wait>{
            {"mutex", [](places& p) { p.free.lock(); }},
            {"notify", [](places& p) { p.signal.wait(); }},
            {"sleep", [](places&) { ramie::this_fiber::sleep_for(0s); }},
            {"join", [](places& p) { p.child.get(); }},
            {"join, with a limit", [](places& p) { (void)p.child.wait_for(0s); }},
            {"yield", [](places&) { ramie::this_fiber::yield(); }},
            {"abort_point", [](places&) { ramie::this_fiber::abort_point(); }},
        };
        for (auto const& [what, wait] : ready) {
            CAPTURE(what);
            places p;
            p.signal.notify_one();
            p.child = ramie::spawn([] {});
            carrier.drain();
            std::string trace;
            auto task = spawn_suicidal([&](auto const& self) {
                wait(p);
                p.signal.notify_one();
                p.child = ramie::spawn([] {});
                if (p.free.try_lock()) {}
                p.free.unlock();
                ramie::this_fiber::yield();
                self.abort();
                trace += 'a';
                wait(p);
                trace += 'b';
            });
            carrier.drain();
            CHECK(trace == "a");
            CHECK(task.join().error().is_cancelled());
            // Nothing was taken.
            CHECK(p.free.try_lock());
            CHECK(p.child.valid());
        }
    });
}

TEST_CASE("abort: what never waits is no abort point") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = spawn_suicidal([](auto const& self) {
            ramie::mutex m;
            ramie::notify n;
            ramie::condition_variable c;
            self.abort();
            CHECK(m.try_lock());
            m.unlock();
            n.notify_one();
            n.notify_all();
            c.notify_one();
            c.notify_all();
            (void)ramie::this_fiber::id();
            (void)ramie::this_fiber::stop_token();
            self.abort();
            ramie::spawn([] {}).detach();
            return 7;
        });
        carrier.drain();
        CHECK(task.get() == 7);
    });
}

TEST_CASE("abort: one that comes while a task waits its turn is thrown when it runs") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto task = ramie::spawn([&] {
            trace += 'a';
            ramie::this_fiber::yield();
            trace += 'b';
        });
        auto aborter = ramie::spawn([&] { task.abort(); });
        carrier.drain();
        CHECK(trace == "a");
        CHECK(task.join().error().is_cancelled());
        aborter.get();
    });
}

TEST_CASE("abort: a task that has not started never runs, and is finished at once") {
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        auto task = ramie::spawn([&] { ran = true; });
        auto joiner = ramie::spawn([&] { CHECK(task.join().error().is_cancelled()); });
        task.abort();
        CHECK(task.is_finished());
        CHECK(carrier.live() == 1);
        carrier.drain();
        CHECK_FALSE(ran);
        joiner.get();
    });
}

TEST_CASE("abort: the joiner of an unstarted task that is aborted is woken") {
    one_thread_carrier carrier;  // going home: the other way the joiner starts its child
    ramie::join_handle<void> child;
    auto joiner = ramie::spawn([&] { CHECK(child.join().error().is_cancelled()); });
    child = ramie::spawn([] {});
    CHECK(carrier.step());
    child.abort();
    carrier.drain();
    CHECK(joiner.is_finished());
    joiner.get();
}

// --- swallowing ---

TEST_CASE("abort: one that was swallowed is thrown again at each further suspension point") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        int swallowed = 0;
        auto task = ramie::spawn([&] {
            for (int i = 0; i < 3; ++i) {
                try {
                    gate.wait();
                } catch (...) {
                    ++swallowed;
                }
            }
            try {
                ramie::this_fiber::yield();
            } catch (...) {
                ++swallowed;
            }
            ramie::this_fiber::sleep_for(1h);
            swallowed = -1;
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(swallowed == 4);
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("abort: a body that swallows it and returns gives its value") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (...) {
            }
            return 5;
        });
        carrier.drain();
        auto parent = ramie::spawn([&] { return task.abort_and_join().value(); });
        carrier.drain();
        CHECK(parent.get() == 5);
    });
}

TEST_CASE("abort: a body that answers it by another exception fails with that one") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (...) {
                throw std::runtime_error("instead");
            }
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK_THROWS_WITH_AS(task.get(), "instead", std::runtime_error);
    });
}

TEST_CASE("abort: a handler for std::exception does not see it") {
    both_ways([](one_thread_carrier& carrier) {
        bool seen = false;
        auto task = ramie::spawn([&] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (std::exception const&) {
                seen = true;
            }
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK_FALSE(seen);
        CHECK(task.join().error().is_cancelled());
    });
}

// --- asking twice, asking too late ---

TEST_CASE("abort: twice is once; of a finished task it is nothing") {
    both_ways([](one_thread_carrier& carrier) {
        int thrown = 0;
        auto task = ramie::spawn([&] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (...) {
                ++thrown;
            }
            return 1;
        });
        carrier.drain();
        task.abort();
        task.abort();
        carrier.drain();
        task.abort();
        CHECK(thrown == 1);
        CHECK(task.get() == 1);

        auto unstarted = ramie::spawn([] {});
        unstarted.abort();
        unstarted.abort();
        carrier.drain();
        CHECK(unstarted.join().error().is_cancelled());
    });
}

TEST_CASE("abort_handle: has the task's name, as long as it lives; an empty one has none") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::abort_handle kept;
        CHECK(kept.name() == "");
        {
            auto task = ramie::spawn({.name = "a task with a name that does not fit into a small string"}, [] {});
            kept = task.abort_handle();
            carrier.drain();
            task.get();
        }
        CHECK(kept.name() == "a task with a name that does not fit into a small string");
    });
}

TEST_CASE("abort_handle: copies outlive the task and its handle") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::abort_handle kept;
        {
            auto task = ramie::spawn([] { return 1; });
            kept = task.abort_handle();
            auto const copy = kept;
            CHECK(copy.id() == task.id());
            CHECK_FALSE(copy.is_finished());
            carrier.drain();
            CHECK(task.get() == 1);
        }
        auto moved = std::move(kept);
        CHECK(moved.is_finished());
        moved.abort();
        auto const& itself = moved;
        moved = itself;
        CHECK(moved.id() != 0);
    });
}

TEST_CASE("abort_handle: stops a task whose join_handle was dropped") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
        auto const stop = task.abort_handle();
        task.detach();
        carrier.drain();
        CHECK(carrier.live() == 1);
        stop.abort();
        carrier.drain();
        CHECK(stop.is_finished());
    });
}

TEST_CASE("abort_handle: an empty one does nothing") {
    ramie::abort_handle const empty;
    empty.abort();
    CHECK(empty.is_finished());
    CHECK(empty.id() == 0);
}
