// Joining: from every state, with and without a limit, and when the joiner is stopped meanwhile.
#include "both_ways.hpp"

#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("join: an unstarted, a waiting and a finished task are joined alike") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            auto const work = [](int n) {
                ramie::this_fiber::yield();
                return n;
            };
            auto unstarted = ramie::spawn(work, 1);
            CHECK(unstarted.join().value() == 1);
            auto waiting = ramie::spawn(work, 2);
            ramie::this_fiber::yield();
            CHECK_FALSE(waiting.is_finished());
            CHECK(waiting.join().value() == 2);
            auto finished = ramie::spawn(work, 3);
            for (int i = 0; i < 2; ++i) ramie::this_fiber::yield();
            CHECK(finished.is_finished());
            CHECK(finished.join().value() == 3);
        });
        carrier.drain();
        CHECK(parent.join().has_value());
    });
}

TEST_CASE("join: a joiner does not go on before the task is finished") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto child = ramie::spawn([&] {
            trace += 'a';
            ramie::this_fiber::sleep_for(1ms);
            trace += 'b';
        });
        auto joiner = ramie::spawn([&] {
            child.get();
            trace += 'c';
        });
        carrier.drain();
        CHECK(trace == "a");
        carrier.run();
        CHECK(trace == "abc");
        joiner.get();
    });
}

TEST_CASE("join: an unstarted task that its joiner started runs once") {
    both_ways([](one_thread_carrier& carrier) {
        int runs = 0;
        auto parent = ramie::spawn([&] {
            auto first = ramie::spawn([&] { ++runs; });
            auto second = ramie::spawn([&] { ++runs; });
            second.get();
            first.get();
        });
        carrier.drain();
        CHECK(runs == 2);
        parent.get();
    });
}

TEST_CASE("join: a value, a void, an exception and an abort; join() tells, get() throws") {
    both_ways([](one_thread_carrier& carrier) {
        auto const value = [] { return 7; };
        auto const nothing = [] {};
        auto const failure = []() -> int { throw std::runtime_error("why"); };
        auto a = ramie::spawn(value), a2 = ramie::spawn(value);
        auto b = ramie::spawn(nothing), b2 = ramie::spawn(nothing);
        auto c = ramie::spawn(failure), c2 = ramie::spawn(failure);
        auto d = ramie::spawn(value), d2 = ramie::spawn(value);
        d.abort();
        d2.abort();
        carrier.drain();
        CHECK(a.join().value() == 7);
        CHECK(a2.get() == 7);
        CHECK(b.join().has_value());
        CHECK_NOTHROW(b2.get());
        CHECK(c.join().error().is_exception());
        CHECK_THROWS_WITH_AS(c2.get(), "why", std::runtime_error);
        CHECK(d.join().error().is_cancelled());
        CHECK_THROWS_WITH_AS(d2.get(), doctest::Contains("was aborted"), ramie::join_error);
    });
}

TEST_CASE("join: a handle that was joined, detached or moved from is empty, and says so") {
    one_thread_carrier carrier;
    auto const task = [] { return ramie::spawn([] { return 1; }); };
    auto joined = task(), got = task(), detached = task(), moved = task();
    auto failed = ramie::spawn([] { throw 1; });
    auto aborted = ramie::spawn([] {});
    ramie::join_handle<int> made_empty;
    aborted.abort();
    carrier.drain();
    (void)joined.join();
    (void)got.get();
    CHECK_THROWS_AS(failed.get(), int);
    CHECK_THROWS_AS(aborted.get(), ramie::join_error);
    detached.detach();
    auto const target = std::move(moved);

    auto const is_empty = [](auto& handle) {
        CHECK_FALSE(handle.valid());
        auto const text = doctest::Contains("this join_handle is empty");
        CHECK_THROWS_WITH_AS((void)handle.join(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.get(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.wait_for(1ms), text, std::logic_error);
        CHECK_THROWS_WITH_AS(handle.abort(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.abort_and_join(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.abort_handle(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.is_finished(), text, std::logic_error);
        CHECK_THROWS_WITH_AS((void)handle.id(), text, std::logic_error);
        CHECK_NOTHROW(handle.detach());
    };
    is_empty(joined);
    is_empty(got);
    is_empty(failed);
    is_empty(aborted);
    is_empty(detached);
    is_empty(moved);
    is_empty(made_empty);
    CHECK(target.valid());
}

TEST_CASE("join: a task that joins itself is told so, and its handle stays valid") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::join_handle<int> self;
        self = ramie::spawn({.name = "narcissus"}, [&] {
            auto const text = doctest::Contains("\"narcissus\" cannot join itself");
            CHECK_THROWS_WITH_AS((void)self.join(), text, std::logic_error);
            CHECK_THROWS_WITH_AS((void)self.get(), text, std::logic_error);
            CHECK_THROWS_WITH_AS((void)self.wait_for(1ms), text, std::logic_error);
            return 3;
        });
        carrier.drain();
        CHECK(self.get() == 3);
    });
}

TEST_CASE("join: while one joins, another is refused, whatever form the two take; the first gets the result") {
    using handle = ramie::join_handle<int>;
    struct form {
        char const* name;
        int (*wait)(handle&);
    };
    constexpr form forms[] = {
        {"join", [](handle& h) { return h.join().value(); }},
        {"get", [](handle& h) { return h.get(); }},
        {"wait_for", [](handle& h) { return h.wait_for(1h) ? h.get() : 0; }},
        {"timeout", [](handle& h) { return ramie::timeout(1h, [&] { return h.get(); }).value(); }},
        {"select",
         [](handle& h) {
             int got = 0;
             ramie::select(ramie::on_sleep(1h, [] {}), ramie::on_join(h, [&](auto result) { got = result.value(); }));
             return got;
         }},
    };
    for (auto const& first : forms) {
        for (auto const& second : forms) {
            CAPTURE(first.name);
            CAPTURE(second.name);
            both_ways([&](one_thread_carrier& carrier) {
                ramie::notify go;
                auto task = ramie::spawn([&] {
                    go.wait();
                    return 7;
                });
                auto waits = ramie::spawn([&] { return first.wait(task); });
                carrier.drain();
                auto refused = ramie::spawn([&] {
                    CHECK_THROWS_WITH_AS((void)second.wait(task), doctest::Contains("is being joined already"),
                                         std::logic_error);
                });
                carrier.drain();
                CHECK(refused.join().has_value());
                CHECK(task.valid());
                go.notify_one();
                carrier.drain();
                CHECK(waits.get() == 7);
            });
        }
    }
}

TEST_CASE("join: a first joiner that gave up leaves its place to the next") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify go;
        auto task = ramie::spawn([&] { go.wait(); });
        auto first = ramie::spawn([&] { task.wait(); });
        carrier.drain();
        first.abort();
        carrier.drain();
        CHECK(first.join().error().is_cancelled());
        auto second = ramie::spawn([&] { return task.join().has_value(); });
        carrier.drain();
        go.notify_one();
        carrier.drain();
        CHECK(second.get());
    });
}

TEST_CASE("join: a select that names a handle twice is refused, and joins nothing") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify go;
        auto task = ramie::spawn([&] { go.wait(); });
        auto chooser = ramie::spawn([&] {
            auto const ignore = [](auto) {};
            CHECK_THROWS_AS(ramie::select(ramie::on_join(task, ignore), ramie::on_join(task, ignore)), std::logic_error);
            return task.join().has_value();
        });
        carrier.drain();
        go.notify_one();
        carrier.drain();
        CHECK(chooser.get());
    });
}

TEST_CASE("join: an aborted joiner leaves a valid handle behind, which can be joined later") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto child = ramie::spawn([&] {
            gate.wait();
            return 5;
        });
        auto joiner = ramie::spawn([&] { return child.get(); });
        carrier.drain();
        joiner.abort();
        carrier.drain();
        CHECK(joiner.join().error().is_cancelled());
        CHECK(child.valid());
        auto second = ramie::spawn([&] { return child.get(); });
        carrier.drain();
        gate.notify_one();
        carrier.drain();
        CHECK(second.get() == 5);
    });
}

TEST_CASE("join: an abort is thrown on entry, even if the task has finished; the handle stays valid") {
    both_ways([](one_thread_carrier& carrier) {
        auto child = ramie::spawn([] { return 5; });
        carrier.drain();
        ramie::abort_handle self;
        auto joiner = ramie::spawn([&] {
            self.abort();
            return child.get();
        });
        self = joiner.abort_handle();
        carrier.drain();
        CHECK(joiner.join().error().is_cancelled());
        CHECK(child.get() == 5);
    });
}

// The order of what happens in one moment is the order in the run queue.
TEST_CASE("join: a task that ends before its joiner is aborted gives its value; the abort comes at the next point") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto child = ramie::spawn([&] {
            gate.wait();
            return 5;
        });
        int received = 0;
        auto joiner = ramie::spawn([&] {
            received = child.get();
            ramie::this_fiber::abort_point();
        });
        carrier.drain();
        gate.notify_one();
        auto aborter = ramie::spawn([&] {
            CHECK(child.is_finished());
            joiner.abort();
        });
        carrier.drain();
        CHECK(received == 5);
        CHECK(joiner.join().error().is_cancelled());
        aborter.get();
    });
}

TEST_CASE("join: a task that ends after its joiner was aborted, but before that ran, gives its value too") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto child = ramie::spawn([&] {
            gate.wait();
            return 5;
        });
        int received = 0;
        auto joiner = ramie::spawn([&] {
            received = child.get();
            ramie::this_fiber::abort_point();
        });
        carrier.drain();
        gate.notify_one();
        joiner.abort();
        CHECK_FALSE(child.is_finished());
        carrier.drain();
        CHECK(received == 5);
        CHECK(joiner.join().error().is_cancelled());
    });
}

TEST_CASE("join: with a limit it says whether the task has finished, and the handle stays valid") {
    both_ways([](one_thread_carrier& carrier) {
        auto child = ramie::spawn([] {
            ramie::this_fiber::sleep_for(10ms);
            return 5;
        });
        auto joiner = ramie::spawn([&] {
            CHECK_FALSE(child.wait_for(0ms));
            CHECK_FALSE(child.wait_for(-1h));
            CHECK_FALSE(child.wait_for(4ms));
            CHECK_FALSE(child.wait_until(ramie::detail::carrier::now() + 4ms));
            CHECK(child.wait_for(1h));
            CHECK(child.wait_for(0ms));
            return child.get();
        });
        carrier.run();
        CHECK(joiner.get() == 5);
    });
}

TEST_CASE("join: without end means without a deadline") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        auto child = ramie::spawn([&] { gate.wait(); });
        auto joiner = ramie::spawn([&] { return child.wait_for(std::chrono::hours::max()); });
        carrier.drain();
        CHECK(carrier.armed() == 0);
        gate.notify_one();
        carrier.drain();
        CHECK(joiner.get());
        child.get();
    });
}

TEST_CASE("join: a task that ends at the limit has finished if it runs first, and has not if the joiner does") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const child_first : {true, false}) {
            CAPTURE(child_first);
            ramie::join_handle<void> child;
            auto const spawn_child = [&] { child = ramie::spawn([] { ramie::this_fiber::sleep_for(10ms); }); };
            if (child_first) spawn_child();
            carrier.drain();
            auto joiner = ramie::spawn([&] { return child.wait_for(10ms); });
            if (!child_first) spawn_child();
            carrier.run();
            CHECK(joiner.get() == child_first);
            child.get();
        }
    });
}

TEST_CASE("join: a joiner that only looked may look again, and the last one is woken") {
    both_ways([](one_thread_carrier& carrier) {
        auto child = ramie::spawn([] { ramie::this_fiber::sleep_for(1s); });
        int looks = 0;
        auto joiner = ramie::spawn([&] {
            while (!child.wait_for(100ms)) ++looks;
        });
        carrier.run();
        CHECK(looks >= 8);
        joiner.get();
        child.get();
    });
}

TEST_CASE("join: many tasks are joined in any order") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            std::vector<ramie::join_handle<int>> children;
            for (int i = 0; i < 100; ++i) {
                children.push_back(ramie::spawn([i] {
                    ramie::this_fiber::sleep_for(std::chrono::milliseconds(i * 37 % 100));
                    return i;
                }));
            }
            int sum = 0;
            for (int i = 0; i < 100; ++i) sum += children[static_cast<std::size_t>(i * 61 % 100)].get();
            return sum;
        });
        carrier.run();
        CHECK(parent.get() == 4950);
    });
}

TEST_CASE("join: a handle that is assigned to lets its former task go on") {
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        auto handle = ramie::spawn([&] {
            ran = true;
            return 1;
        });
        handle = ramie::spawn([] { return 2; });
        carrier.drain();
        CHECK(ran);
        CHECK(handle.get() == 2);
    });
}

TEST_CASE("join: abort_and_join waits until the task is over") {
    both_ways([](one_thread_carrier& carrier) {
        bool cleaned = false;
        auto child = ramie::spawn([&] {
            struct cleaner {
                bool& done;
                ~cleaner() {
                    ramie::abort_shield whole;
                    ramie::this_fiber::sleep_for(5ms);
                    done = true;
                }
            } cleans{cleaned};
            ramie::this_fiber::sleep_for(1h);
        });
        auto parent = ramie::spawn([&] {
            ramie::this_fiber::yield();
            CHECK(child.abort_and_join().error().is_cancelled());
            CHECK(cleaned);
            CHECK_FALSE(child.valid());
        });
        carrier.run();
        parent.get();
    });
}
