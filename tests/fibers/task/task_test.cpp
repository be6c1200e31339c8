// The life of a task's parts: the callable and the value are destroyed once each, by whom and when the handle's rules
// say.
#include "both_ways.hpp"
#include "witness.hpp"

#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <any>
#include <array>
#include <expected>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>

using namespace ramie::testing;

// --- the callable ---

TEST_CASE("task: the callable is destroyed by its task once the body is over, before a join returns") {
    both_ways([](one_thread_carrier& carrier) {
        ends callable;
        auto const task = [&](auto body) {
            callable.clear();
            auto handle = ramie::spawn([&, body, own = witness(callable)] { body(); });
            auto joiner = ramie::spawn([&] {
                (void)handle.join();
                CHECK(callable.size() == 1);
            });
            auto const id = handle.id();
            carrier.drain();
            joiner.get();
            CHECK(callable == ends{id});
        };
        task([] {});
        task([] { throw 1; });
        task([] { throw ramie::aborted{}; });
        CHECK(witness::alive == 0);
    });
}

TEST_CASE("task: arguments live until the body is over, too") {
    both_ways([](one_thread_carrier& carrier) {
        ends arguments;
        auto handle = ramie::spawn(
            [&](witness const&, witness const&) {
                ramie::this_fiber::yield();
                CHECK(arguments.empty());
            },
            witness(arguments), witness(arguments));
        auto const id = handle.id();
        carrier.drain();
        CHECK(arguments == ends{id, id});
        handle.get();
        CHECK(witness::alive == 0);
    });
}

TEST_CASE("task: the callable of an aborted task is destroyed once: by the task, or by the aborter if it never ran") {
    both_ways([](one_thread_carrier& carrier) {
        ends callable;
        ramie::notify gate;
        auto parked = ramie::spawn([&, own = witness(callable)] { gate.wait(); });
        auto const id = parked.id();
        carrier.drain();
        parked.abort();
        CHECK(callable.empty());
        carrier.drain();
        CHECK(callable == ends{id});
        CHECK(parked.join().error().is_cancelled());

        callable.clear();
        bool ran = false;
        auto unstarted = ramie::spawn([&, own = witness(callable)] { ran = true; });
        unstarted.abort();
        CHECK(callable == ends{0});
        CHECK(unstarted.is_finished());
        carrier.drain();
        CHECK(unstarted.join().error().is_cancelled());
        CHECK_FALSE(ran);
        CHECK(callable.size() == 1);
        CHECK(witness::alive == 0);
    });
}

namespace {

// Waits in its destructor.
struct waits_at_end {
    explicit waits_at_end(ramie::notify& n) : gate(&n) {}
    waits_at_end(waits_at_end&& other) noexcept : gate(std::exchange(other.gate, nullptr)) {}
    ~waits_at_end() {
        if (gate != nullptr) gate->wait();
    }
    ramie::notify* gate;
};

}  // namespace

TEST_CASE("task: a callable may wait in its destructor; an abort waits too") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto task = ramie::spawn([waits = waits_at_end(gate)] { return 3; });
        carrier.drain();
        CHECK_FALSE(task.is_finished());
        task.abort();
        carrier.drain();
        CHECK_FALSE(task.is_finished());
        gate.notify_one();
        carrier.drain();
        CHECK(task.get() == 3);
    });
}

TEST_CASE("task: whoever aborts an unstarted task may have to wait in its callable's destructor, unaborted") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        ramie::abort_handle self;
        auto parent = ramie::spawn([&] {
            auto child = ramie::spawn([waits = waits_at_end(gate)] {});
            self.abort();
            child.abort();
            CHECK(child.is_finished());
            ramie::this_fiber::yield();
        });
        self = parent.abort_handle();
        carrier.drain();
        CHECK_FALSE(parent.is_finished());
        gate.notify_one();
        carrier.drain();
        CHECK(parent.join().error().is_cancelled());
    });
}

// --- the value ---

TEST_CASE("task: a value is move-only, moved out by the join and destroyed once by whoever took it") {
    both_ways([](one_thread_carrier& carrier) {
        ends value;
        auto first = ramie::spawn([&] { return witness(value); });
        auto second = ramie::spawn([&] { return witness(value); });
        carrier.drain();
        {
            auto const taken = first.join();
            auto const got = second.get();
            CHECK(value.empty());
        }
        CHECK(value == ends{0, 0});
        CHECK(witness::alive == 0);
    });
}

TEST_CASE("task: with the handle dropped before the end, the task destroys its value itself") {
    both_ways([](one_thread_carrier& carrier) {
        for (std::string const state : {"unstarted", "running", "parked"}) {
            CAPTURE(state);
            ends value;
            ramie::notify gate;
            ramie::join_handle<witness> handle;
            bool const while_running = state == "running";
            handle = ramie::spawn([&] {
                if (while_running) handle.detach();
                else gate.wait();
                return witness(value);
            });
            auto const id = handle.id();
            if (state == "unstarted") handle.detach();
            carrier.drain();
            handle.detach();
            gate.notify_one();
            carrier.drain();
            CHECK(value == ends{id});
            CHECK(carrier.live() == 0);
            CHECK(witness::alive == 0);
        }
    });
}

TEST_CASE("task: with the handle dropped after the end, the dropper destroys the value, at once") {
    both_ways([](one_thread_carrier& carrier) {
        ends value;
        auto handle = ramie::spawn([&] { return witness(value); });
        carrier.drain();
        CHECK(carrier.live() == 0);
        CHECK(value.empty());
        auto dropper = ramie::spawn([dropped = std::move(handle)]() mutable { dropped.detach(); });
        auto const id = dropper.id();
        carrier.drain();
        CHECK(value == ends{id});
        dropper.get();
        CHECK(witness::alive == 0);
    });
}

TEST_CASE("task: a value that nobody takes may wait in its destructor; an abort waits too") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        bool over = false;
        auto task = ramie::spawn([&] { return std::make_pair(waits_at_end(gate), std::shared_ptr<void>(nullptr, [&](auto) { over = true; })); });
        auto const stop = task.abort_handle();
        task.detach();
        carrier.drain();
        CHECK_FALSE(stop.is_finished());
        stop.abort();
        carrier.drain();
        CHECK_FALSE(stop.is_finished());
        gate.notify_one();
        carrier.drain();
        CHECK(stop.is_finished());
        CHECK(over);
    });
}

TEST_CASE("task: an aborted fiber that drops a finished task's handle waits for the value's destructor, unaborted") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto task = ramie::spawn([&] { return waits_at_end(gate); });
        carrier.drain();
        ramie::abort_handle self;
        bool went_on = false;
        auto dropper = ramie::spawn([&] {
            self.abort();
            task.detach();
            went_on = true;
        });
        self = dropper.abort_handle();
        carrier.drain();
        CHECK_FALSE(went_on);
        gate.notify_one();
        carrier.drain();
        CHECK(went_on);
        dropper.get();
    });
}

TEST_CASE("task: values may be large, and of types that are easily confused with a join's result") {
    both_ways([](one_thread_carrier& carrier) {
        using block = std::array<int, 8000>;
        auto large = ramie::spawn([] {
            block b;
            std::iota(b.begin(), b.end(), 0);
            return b;
        });
        auto any = ramie::spawn([] { return std::any(5); });
        auto error = ramie::spawn([] { return ramie::join_error(9, "", nullptr); });
        auto nested = ramie::spawn([] { return std::expected<int, ramie::join_error>(6); });
        auto unexpected = ramie::spawn([]() -> std::expected<int, ramie::join_error> {
            return std::unexpected(ramie::join_error(9, "", nullptr));
        });
        auto optional = ramie::spawn([] { return std::optional<bool>(); });
        auto pointer = ramie::spawn([] { return std::exception_ptr(); });
        carrier.drain();
        CHECK(large.join().value().back() == 7999);
        CHECK(std::any_cast<int>(any.join().value()) == 5);
        CHECK(error.join().value().id() == 9);
        CHECK(nested.join().value().value() == 6);
        auto const inner = unexpected.join();
        CHECK(inner.has_value());
        CHECK_FALSE(inner->has_value());
        CHECK_FALSE(optional.join().value().has_value());
        CHECK(pointer.join().value() == nullptr);
    });
}

namespace {

// Its n-th move throws.
struct throws_at_move {
    static inline int moves_left = 0;
    static inline int alive = 0;
    throws_at_move() { ++alive; }
    throws_at_move(throws_at_move&&) {
        if (moves_left-- == 0) throw std::runtime_error("no move");
        ++alive;
    }
    ~throws_at_move() { --alive; }
};

}  // namespace

TEST_CASE("task: a value that cannot be moved into place makes the task fail with that exception") {
    both_ways([](one_thread_carrier& carrier) {
        throws_at_move::moves_left = 0;
        auto task = ramie::spawn([] { return throws_at_move(); });
        carrier.drain();
        CHECK_THROWS_WITH_AS((void)task.get(), "no move", std::runtime_error);
        CHECK(throws_at_move::alive == 0);
    });
}

TEST_CASE("task: a value that cannot be moved out throws from the join, which has taken it all the same") {
    for (int const moves_before : {0, 1, 2}) {
        CAPTURE(moves_before);
        both_ways([&](one_thread_carrier& carrier) {
            for (bool const by_get : {true, false}) {
                CAPTURE(by_get);
                throws_at_move::moves_left = 1;
                auto task = ramie::spawn([] { return throws_at_move(); });
                carrier.drain();
                CHECK(throws_at_move::alive == 1);
                throws_at_move::moves_left = moves_before;
                bool threw = false;
                try {
                    if (by_get) (void)task.get();
                    else (void)task.join();
                } catch (std::runtime_error const&) {
                    threw = true;
                }
                CHECK((threw || moves_before > 0));
                CHECK_FALSE(task.valid());
                CHECK(throws_at_move::alive == 0);
            }
        });
    }
}
