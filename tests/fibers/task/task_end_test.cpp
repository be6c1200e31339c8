// A task has one end: its body, callable and fiber_locals, and a result or failure that no handle owns, are gone, and so
// is what ran for them. Whoever waits for tasks or counts them means this end.
#include "both_ways.hpp"

#include <ramie/async.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/race.hpp>
#include <ramie/scope.hpp>
#include <ramie/task_tracker.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// What a task leaves behind; going takes 20 ms.
class leftover {
  public:
    explicit leftover(bool& gone) : gone_(&gone) {}
    leftover(leftover&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
    leftover& operator=(leftover&&) = delete;
    ~leftover() {
        if (gone_ == nullptr) return;
        ramie::abort_shield const whole;
        ramie::this_fiber::sleep_for(20ms);
        *gone_ = true;
    }

  private:
    bool* gone_;
};

// Thrown; copies share what is left behind.
struct failure {
    std::shared_ptr<leftover> rest;
};

ramie::fiber_local<std::shared_ptr<leftover>> per_task;

// Calls test(start) for each way in which something of a task may outlive its body: start(spawn, gone) spawns such a
// task by spawn(callable), detached.
template <class Test>
void for_each_leftover(Test&& test) {
    SUBCASE("an unclaimed result") {
        test([](auto spawn, bool& gone) { spawn([&gone] { return leftover(gone); }); });
    }
    SUBCASE("its callable") {
        test([](auto spawn, bool& gone) { spawn([rest = leftover(gone)] {}); });
    }
    SUBCASE("a value of a fiber_local") {
        test([](auto spawn, bool& gone) { spawn([&gone] { per_task.set(std::make_shared<leftover>(gone)); }); });
    }
    SUBCASE("a value of a fiber_local that an unclaimed result made in its destructor") {
        struct last {
            explicit last(bool& g) : gone(&g) {}
            last(last&& other) noexcept : gone(std::exchange(other.gone, nullptr)) {}
            ~last() {
                if (gone != nullptr) per_task.set(std::make_shared<leftover>(*gone));
            }
            bool* gone;
        };
        test([](auto spawn, bool& gone) { spawn([&gone] { return last(gone); }); });
    }
    SUBCASE("an exception") {
        test([](auto spawn, bool& gone) {
            spawn([&gone] {
                auto rest = std::make_shared<leftover>(gone);
                throw failure{std::move(rest)};
            });
        });
    }
}

// The same, for the report of a failure: the carrier's hook waits.
void slow_report(one_thread_carrier& carrier, bool& told) {
    carrier.on_unseen_failure([&told](ramie::join_error const&) {
        ramie::this_fiber::sleep_for(20ms);
        told = true;
    });
}

void fail() { throw std::runtime_error("why"); }

}  // namespace

TEST_CASE("end of a task: a scope ends after all that its children leave behind is gone") {
    for_each_leftover([](auto start) {
        both_ways([&](one_thread_carrier& carrier) {
            bool gone = false;
            auto owner = ramie::spawn([&] {
                {
                    ramie::scope children;
                    start([&](auto f) { children.spawn(std::move(f)).detach(); }, gone);
                }
                CHECK(gone);
            });
            carrier.run();
            owner.get();
        });
    });
}

TEST_CASE("end of a task: scope::wait, size and a child's handle agree about it") {
    both_ways([](one_thread_carrier& carrier) {
        bool gone = false;
        auto owner = ramie::spawn([&] {
            ramie::scope children;
            auto const rest = [&] { per_task.set(std::make_shared<leftover>(gone)); };
            auto first = children.spawn(rest);
            (void)first.join();
            CHECK(gone);
            CHECK(children.size() == 0);
            CHECK(carrier.live() == 1);
            auto second = children.spawn(rest);
            CHECK(children.size() == 1);
            children.wait();
            CHECK(second.is_finished());
            CHECK(children.size() == 0);
            CHECK(carrier.live() == 1);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("end of a task: with_scope ends after it, also when a child fails") {
    for_each_leftover([](auto start) {
        both_ways([&](one_thread_carrier& carrier) {
            bool gone = false;
            auto owner = ramie::spawn([&] {
                try {
                    ramie::with_scope(
                        [&](ramie::scope& children) { start([&](auto f) { children.spawn(std::move(f)).detach(); }, gone); });
                } catch (failure const&) {
                    return;  // its exception has come here
                }
                CHECK(gone);
            });
            carrier.run();
            owner.get();
        });
    });
}

TEST_CASE("end of a task: a tracker is empty after it") {
    for_each_leftover([](auto start) {
        both_ways([&](one_thread_carrier& carrier) {
            bool gone = false;
            auto owner = ramie::spawn([&] {
                ramie::task_tracker tracker;
                start([&](auto f) { tracker.spawn(std::move(f)).detach(); }, gone);
                tracker.close();
                tracker.wait();
                CHECK(gone);
                CHECK(carrier.live() == 1);
            });
            carrier.run();
            owner.get();
        });
    });
}

TEST_CASE("end of a task: the report of a failure that nobody receives comes before it") {
    both_ways([](one_thread_carrier& carrier) {
        bool told = false;
        slow_report(carrier, told);
        auto owner = ramie::spawn([&] {
            {
                ramie::scope children;
                children.spawn(fail).detach();
            }
            CHECK(std::exchange(told, false));
            ramie::task_tracker tracker;
            tracker.spawn(fail).detach();
            tracker.close();
            tracker.wait();
            CHECK(told);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("end of a task: a join_set's next is the one that ends first, not the one whose body does") {
    both_ways([](one_thread_carrier& carrier) {
        bool gone = false;
        auto owner = ramie::spawn([&] {
            ramie::join_set<int> set;
            set.spawn([&] {
                per_task.set(std::make_shared<leftover>(gone));
                return 1;
            });
            set.spawn([] {
                ramie::this_fiber::sleep_for(1ms);
                return 2;
            });
            CHECK(set.join_next()->value() == 2);
            CHECK_FALSE(gone);
            CHECK_FALSE(set.try_join_next().has_value());
            CHECK(set.join_next()->value() == 1);
            CHECK(gone);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("end of a task: a race is won by the one that ends first") {
    both_ways([](one_thread_carrier& carrier) {
        bool gone = false;
        auto owner = ramie::spawn([&] {
            return ramie::race(
                [&] {
                    per_task.set(std::make_shared<leftover>(gone));
                    return 1;
                },
                [] {
                    ramie::this_fiber::sleep_for(1ms);
                    return 2;
                });
        });
        carrier.run();
        CHECK(owner.get() == 2);
        CHECK(gone);  // and the loser has ended
    });
}

TEST_CASE("end of a task: a future of async is ready after it, as a std::thread that completes") {
    both_ways([](one_thread_carrier& carrier) {
        bool callable_gone = false, local_gone = false;
        auto owner = ramie::spawn([&] {
            auto result = ramie::async([&, rest = leftover(callable_gone)] {
                per_task.set(std::make_shared<leftover>(local_gone));
                return 5;
            });
            CHECK(result.get() == 5);
            CHECK(callable_gone);
            CHECK(local_gone);
            auto failing = ramie::async([rest = leftover(callable_gone = false)]() -> int { throw std::runtime_error("why"); });
            CHECK_THROWS_AS((void)failing.get(), std::runtime_error);
            CHECK(callable_gone);
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("end of a task: one that never ran ends like the others") {
    both_ways([](one_thread_carrier& carrier) {
        auto owner = ramie::spawn([&] {
            bool gone = false;
            ramie::task_tracker tracker;
            tracker.close();
            {
                ramie::scope children;
                children.spawn([rest = leftover(gone)] {}).detach();
                tracker.spawn([] {}).abort();
                children.abort_all();
            }
            CHECK(gone);
            tracker.wait();
        });
        carrier.run();
        owner.get();
    });
}

TEST_CASE("end of a task: a handle that owns the result keeps nobody waiting for it") {
    both_ways([](one_thread_carrier& carrier) {
        bool gone = false;
        auto owner = ramie::spawn([&] {
            ramie::join_handle<leftover> kept;
            {
                ramie::scope children;
                kept = children.spawn([&] { return leftover(gone); });
            }
            CHECK_FALSE(gone);
            CHECK(kept.is_finished());
            kept.detach();
            CHECK(gone);
        });
        carrier.run();
        owner.get();
    });
}
