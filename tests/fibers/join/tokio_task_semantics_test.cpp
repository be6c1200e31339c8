// What tokio's documentation says of tasks, handles, sets and select, where no test of Ramie's own parts says it
// already.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/channel.hpp>
#include <ramie/join.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/race.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <expected>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Runs `f` as a task to its end, in both ways of switching.
template <class F>
void as_a_task(F f) {
    both_ways([&](one_thread_carrier& carrier) {
        auto task = ramie::spawn(f);
        carrier.run();
        REQUIRE(task.is_finished());
        task.get();
        CHECK(carrier.live() == 0);
    });
}

// Takes its time to unwind.
struct slow_to_leave {
    bool& gone;
    ~slow_to_leave() {
        ramie::abort_shield const whole;
        ramie::this_fiber::sleep_for(5ms);
        gone = true;
    }
};

}  // namespace

TEST_CASE("tokio: dropping a join_handle detaches its task, which runs to its end") {
    as_a_task([] {
        bool ended = false;
        {
            auto const dropped = ramie::spawn([&] {
                ramie::this_fiber::sleep_for(1ms);
                ended = true;
            });
        }
        CHECK_FALSE(ended);
        ramie::this_fiber::sleep_for(2ms);
        CHECK(ended);
    });
}

TEST_CASE("tokio: a spawned task runs without being joined, and in the order of the spawns") {
    as_a_task([] {
        std::string trace;
        for (char const c : {'a', 'b', 'c'}) ramie::spawn([&trace, c] { trace += c; }).detach();
        CHECK(trace.empty());
        ramie::this_fiber::yield();
        CHECK(trace == "abc");
    });
}

TEST_CASE("tokio: an exception ends only the task that threw it; its parent and its siblings go on") {
    as_a_task([] {
        auto fails = ramie::spawn([]() -> int { throw std::runtime_error("alone"); });
        auto sibling = ramie::spawn([] {
            ramie::this_fiber::sleep_for(1ms);
            return 2;
        });
        auto const end = fails.join();
        CHECK(end.error().is_exception());
        CHECK_FALSE(end.error().is_cancelled());
        CHECK(sibling.get() == 2);
    });
}

TEST_CASE("tokio: abort does not wait; the task has finished when it has unwound, and its join says cancelled then") {
    as_a_task([] {
        bool gone = false;
        auto task = ramie::spawn([&] {
            slow_to_leave const held{gone};
            ramie::this_fiber::sleep_for(1h);
        });
        ramie::this_fiber::yield();
        task.abort();
        ramie::this_fiber::yield();
        CHECK_FALSE(task.is_finished());
        CHECK(task.join().error().is_cancelled());
        CHECK(gone);
    });
}

TEST_CASE("tokio: aborting a finished task changes nothing, and its value is joined") {
    as_a_task([] {
        auto task = ramie::spawn([] { return 3; });
        ramie::this_fiber::yield();
        REQUIRE(task.is_finished());
        task.abort();
        CHECK(task.join().value() == 3);
    });
}

TEST_CASE("tokio: an abort_handle works when the join_handle is gone, and all its copies are of one task") {
    as_a_task([] {
        ramie::abort_handle stop;
        bool gone = false;
        {
            auto const dropped = ramie::spawn([&] {
                slow_to_leave const held{gone};
                ramie::this_fiber::sleep_for(1h);
            });
            stop = dropped.abort_handle();
        }
        auto const other = stop;
        CHECK(other.id() == stop.id());
        ramie::this_fiber::yield();
        other.abort();
        stop.abort();
        CHECK_FALSE(stop.is_finished());
        ramie::this_fiber::sleep_for(6ms);
        CHECK(gone);
        CHECK(stop.is_finished());
    });
}

TEST_CASE("tokio: an abort_handle keeps no result; a value that nobody can join any more is destroyed") {
    as_a_task([] {
        auto task = ramie::spawn([] { return tracked(1); });
        auto const stop = task.abort_handle();
        ramie::this_fiber::yield();
        REQUIRE(stop.is_finished());
        CHECK(tracked::alive() == 1);
        task.detach();
        CHECK(tracked::alive() == 0);
    });
}

TEST_CASE("tokio: a join_set counts a task until it is joined, not until it ends") {
    as_a_task([] {
        ramie::join_set<int> set;
        for (int i = 0; i < 3; ++i) set.spawn([i] { return i; });
        ramie::this_fiber::sleep_for(1ms);
        CHECK(set.size() == 3);
        CHECK(set.join_next());
        CHECK(set.size() == 2);
        CHECK(set.try_join_next());
        CHECK(set.size() == 1);
    });
}

TEST_CASE("tokio: tasks may be spawned into a join_set between its join_next calls, until it stays empty") {
    as_a_task([] {
        ramie::join_set<int> set;
        set.spawn([] { return 5; });
        int sum = 0;
        while (auto const next = set.join_next()) {
            sum += next->value();
            if (next->value() > 0)
                set.spawn([left = next->value() - 1] {
                    ramie::this_fiber::yield();
                    return left;
                });
        }
        CHECK(sum == 15);
        set.spawn([] { return 7; });  // an empty one may be used again
        CHECK(set.join_next()->value() == 7);
    });
}

TEST_CASE("tokio: what join_set's spawn returns aborts that task only") {
    as_a_task([] {
        ramie::join_set<int> set;
        auto const wait_then = [](int value) {
            return [value] {
                ramie::this_fiber::sleep_for(1ms);
                return value;
            };
        };
        set.spawn(wait_then(1));
        auto const second = set.spawn(wait_then(2));
        set.spawn(wait_then(3));
        ramie::this_fiber::yield();
        second.abort();
        int sum = 0, cancelled = 0;
        while (auto const next = set.join_next()) {
            if (*next) sum += next->value();
            else cancelled += next->error().is_cancelled();
        }
        CHECK(sum == 4);
        CHECK(cancelled == 1);
    });
}

TEST_CASE("tokio: join_set's shutdown returns when all its tasks have unwound; their values are dropped") {
    as_a_task([] {
        ramie::join_set<tracked> set;
        bool gone = false;
        set.spawn([] { return tracked(1); });
        set.spawn([&] {
            slow_to_leave const held{gone};
            ramie::this_fiber::sleep_for(1h);
            return tracked(2);
        });
        ramie::this_fiber::yield();
        set.shutdown();
        CHECK(gone);
        CHECK(set.empty());
        CHECK(tracked::alive() == 0);
        set.spawn([] { return tracked(3); });
        CHECK(set.join_next()->value().value == 3);
    });
}

TEST_CASE("tokio: abort_all stops the tasks there are, not those spawned after it") {
    as_a_task([] {
        ramie::join_set<int> set;
        set.spawn([] {
            ramie::this_fiber::sleep_for(1h);
            return 1;
        });
        ramie::this_fiber::yield();
        set.abort_all();
        set.spawn([] {
            ramie::this_fiber::sleep_for(1ms);
            return 2;
        });
        CHECK(set.join_next()->error().is_cancelled());
        CHECK(set.join_next()->value() == 2);
    });
}

TEST_CASE("tokio: join runs its callables together, so one may wait for another") {
    as_a_task([] {
        ramie::notify there;
        auto const [heard, said] = ramie::join([&] { return there.wait_for(1h); },
                                               [&] {
                                                   there.notify_one();
                                                   return 1;
                                               });
        CHECK(heard);
        CHECK(said == 1);
    });
}

TEST_CASE("tokio: try_join stops at the first error; the others are aborted and have unwound when it returns") {
    as_a_task([] {
        using result = std::expected<int, std::string>;
        bool gone = false, reached = false;
        auto const end = ramie::try_join(
            [&]() -> result {
                slow_to_leave const held{gone};
                ramie::this_fiber::sleep_for(1h);
                reached = true;
                return 1;
            },
            []() -> result {
                ramie::this_fiber::sleep_for(1ms);
                return std::unexpected("no");
            });
        CHECK(end.error() == "no");
        CHECK(gone);
        CHECK_FALSE(reached);
    });
}

TEST_CASE("tokio: a loser of a race stops where it waits; it never sees what comes after") {
    as_a_task([] {
        int steps = 0;
        CHECK(ramie::race(
                  [&] {
                      for (;; ++steps) ramie::this_fiber::sleep_for(1ms);
                      return 0;
                  },
                  [] {
                      ramie::this_fiber::sleep_for(3500us);
                      return 1;
                  }) == 1);
        int const then = steps;
        CHECK(then == 3);
        ramie::this_fiber::sleep_for(10ms);
        CHECK(steps == then);
    });
}

TEST_CASE("tokio: a select in a loop serves all its channels until each has ended") {
    as_a_task([] {
        auto [a_tx, a] = ramie::channel<int>(4);
        auto [b_tx, b] = ramie::channel<int>(1);
        ramie::join_set<void> senders;
        senders.spawn([tx = std::move(a_tx)]() mutable {
            for (int i = 0; i < 10; ++i) (void)tx.send(1);
        });
        senders.spawn([tx = std::move(b_tx)]() mutable {
            for (int i = 0; i < 10; ++i) (void)tx.send(100);
        });
        int sum = 0, open = 2;
        while (open > 0) {
            auto const from = [&](ramie::receiver<int>& rx) {
                return ramie::on_receive(rx, [&](std::optional<int> value) {
                    sum += value.value_or(0);
                    if (value) return;
                    rx = {};  // tokio's disabled branch
                    --open;
                });
            };
            ramie::select(from(a), from(b));
        }
        CHECK(sum == 1010);
    });
}

TEST_CASE("tokio: a biased select starves what stands after a case that is always ready") {
    as_a_task([] {
        auto [tx, rx] = ramie::unbounded_channel<int>();
        auto [late_tx, late_rx] = ramie::unbounded_channel<int>();
        (void)late_tx.send(1);
        int first = 0, second = 0;
        for (int i = 0; i < 100; ++i) {
            (void)tx.send(i);
            ramie::select_biased(ramie::on_receive(rx, [&](auto) { ++first; }),
                                 ramie::on_receive(late_rx, [&](auto) { ++second; }));
        }
        CHECK(first == 100);
        CHECK(second == 0);
    });
}

TEST_CASE("tokio: a timeout around a join leaves the task running, and the handle to be joined again") {
    as_a_task([] {
        auto task = ramie::spawn([] {
            ramie::this_fiber::sleep_for(5ms);
            return 4;
        });
        CHECK_FALSE(ramie::timeout(1ms, [&] { return task.join(); }));
        CHECK_FALSE(task.is_finished());
        CHECK(task.get() == 4);
    });
}
