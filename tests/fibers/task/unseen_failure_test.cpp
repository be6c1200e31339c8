// A failure that nobody can receive any more is told to the runtime's hook, exactly once.
#include "both_ways.hpp"

#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

void fail() { throw std::runtime_error("why"); }

// What the carrier's hook was told.
struct reports {
    std::vector<ramie::join_error> seen;
    explicit reports(one_thread_carrier& carrier) {
        carrier.on_unseen_failure([this](ramie::join_error const& e) { seen.push_back(e); });
    }
};

}  // namespace

TEST_CASE("unseen failure: a task that was to stop, and fails of a task that was stopped, was stopped") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        ramie::notify never, gate;
        auto child = ramie::spawn([&] { never.wait(); });
        auto const parent = [&](bool is_aborted) {
            return ramie::spawn([&, is_aborted] {
                ramie::abort_shield const whole;
                gate.wait();
                if (is_aborted) child.get();
                else throw std::runtime_error("its own");
            });
        };
        auto of_child = parent(true), of_itself = parent(false);
        carrier.drain();
        child.abort();
        of_child.abort();
        of_itself.abort();
        gate.notify_all();
        carrier.drain();
        auto const end = of_child.join();
        REQUIRE(!end);
        CHECK(end.error().is_cancelled());
        of_itself.detach();
        CHECK(told.seen.size() == 1);
        CHECK(std::string(told.seen.at(0).what()).find("its own") != std::string::npos);

        // One that is to go on fails of it.
        auto other = ramie::spawn([&] { never.wait(); });
        auto goes_on = ramie::spawn([&] { other.get(); });
        carrier.drain();
        other.abort();
        carrier.drain();
        auto const failure = goes_on.join();
        REQUIRE(!failure);
        CHECK(failure.error().is_exception());
    });
}

TEST_CASE("unseen failure: with the handle dropped before the start, while it runs or while it waits, at its end") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        ramie::spawn(fail).detach();
        CHECK(told.seen.empty());
        carrier.drain();
        CHECK(told.seen.size() == 1);

        ramie::join_handle<void> own;
        own = ramie::spawn([&] {
            own.detach();
            fail();
        });
        carrier.drain();
        CHECK(told.seen.size() == 2);

        ramie::notify gate;
        auto waiting = ramie::spawn([&] {
            gate.wait();
            fail();
        });
        carrier.drain();
        waiting.detach();
        CHECK(told.seen.size() == 2);
        gate.notify_one();
        carrier.drain();
        CHECK(told.seen.size() == 3);
    });
}

TEST_CASE("unseen failure: the report names the task and carries the exception") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        auto task = ramie::spawn({.name = "lost"}, fail);
        auto const id = task.id();
        task.detach();
        carrier.drain();
        CHECK(told.seen.size() == 1);
        auto const& e = told.seen.at(0);
        CHECK(e.id() == id);
        CHECK(e.name() == "lost");
        CHECK(e.what() == "task " + std::to_string(id) + " \"lost\" ended by std::runtime_error: why");
        CHECK_THROWS_WITH_AS(e.rethrow(), "why", std::runtime_error);
    });
}

TEST_CASE("unseen failure: with the handle dropped after the end, when it is dropped") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        auto task = ramie::spawn(fail);
        carrier.drain();
        CHECK(task.wait_for(0s));
        CHECK(told.seen.empty());
        task = ramie::join_handle<void>();
        CHECK(told.seen.size() == 1);
        {
            auto const another = ramie::spawn(fail);
            carrier.drain();
        }
        CHECK(told.seen.size() == 2);
    });
}

TEST_CASE("unseen failure: a type that is no std::exception is reported too") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        ramie::spawn([] { throw 42; }).detach();
        carrier.drain();
        CHECK(told.seen.size() == 1);
        CHECK_THROWS_AS(told.seen.at(0).rethrow(), int);
    });
}

TEST_CASE("unseen failure: one that was joined is seen; so is an abort, and a value") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        auto joined = ramie::spawn(fail), got = ramie::spawn(fail);
        carrier.drain();
        CHECK_FALSE(joined.join().has_value());
        CHECK_THROWS_AS(got.get(), std::runtime_error);
        auto parked = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
        carrier.drain();
        parked.abort();
        parked.detach();
        auto unstarted = ramie::spawn(fail);
        unstarted.abort();
        unstarted.detach();
        ramie::spawn([] { return 1; }).detach();
        carrier.drain();
        CHECK(told.seen.empty());
    });
}

TEST_CASE("unseen failure: an abort_handle is nobody to receive it") {
    both_ways([](one_thread_carrier& carrier) {
        reports told(carrier);
        auto task = ramie::spawn(fail);
        auto const stop = task.abort_handle();
        task.detach();
        carrier.drain();
        CHECK(told.seen.size() == 1);
        CHECK(stop.is_finished());
    });
}

TEST_CASE("unseen failure: the hook may wait, and may throw, which is the end of it") {
    both_ways([](one_thread_carrier& carrier) {
        int told = 0;
        carrier.on_unseen_failure([&](ramie::join_error const&) {
            ramie::this_fiber::sleep_for(1s);
            ++told;
            throw std::runtime_error("the hook's own");
        });
        auto task = ramie::spawn(fail);
        auto const stop = task.abort_handle();
        task.detach();
        carrier.drain();
        CHECK(carrier.armed() == 1);
        CHECK_FALSE(stop.is_finished());
        stop.abort();
        carrier.run();
        CHECK(told == 1);
        CHECK(stop.is_finished());
    });
}

TEST_CASE("unseen failure: without a hook it is dropped") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn(fail);
        ramie::spawn(fail).detach();
        carrier.drain();
    });
}

TEST_CASE("unseen failure: the hook is kept for a handle that outlives the carrier") {
    int told = 0;
    {
        ramie::join_handle<void> late;
        {
            one_thread_carrier carrier;
            carrier.on_unseen_failure([&](ramie::join_error const&) { ++told; });
            late = ramie::spawn(fail);
            carrier.drain();
        }
        CHECK(told == 0);
    }
    CHECK(told == 1);
}
