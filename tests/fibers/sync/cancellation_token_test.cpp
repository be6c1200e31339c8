// cancellation_token: waiting, children, guards, the bridge to std::stop_token, and running something until cancelled.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "chance.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/spawn.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("cancellation_token: cancel wakes all who wait, and who comes later does not wait") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::cancellation_token token;
        auto const copy = token;
        CHECK(copy == token);
        int woken = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i)
            tasks.push_back(ramie::spawn([&, copy] {
                copy.wait();
                ++woken;
            }));
        carrier.drain();
        CHECK(woken == 0);
        CHECK_FALSE(copy.is_cancelled());
        token.cancel();
        token.cancel();
        carrier.drain();
        CHECK(woken == 3);
        CHECK(copy.is_cancelled());
        copy.wait();
    });
}

TEST_CASE("cancellation_token: cancelling goes down to children and theirs, not up and not aside") {
    ramie::cancellation_token const root;
    auto const left = root.child_token(), right = root.child_token();
    auto const below = left.child_token();
    left.cancel();
    CHECK(left.is_cancelled());
    CHECK(below.is_cancelled());
    CHECK_FALSE(root.is_cancelled());
    CHECK_FALSE(right.is_cancelled());
    CHECK(left.child_token().is_cancelled());  // born cancelled
    root.cancel();
    CHECK(right.is_cancelled());
}

TEST_CASE("cancellation_token: a grandchild hears of it though nobody holds the token between") {
    ramie::cancellation_token const root;
    std::optional between(root.child_token());
    auto const below = between->child_token();
    between.reset();
    CHECK_FALSE(below.is_cancelled());  // letting a token go cancels nothing
    root.cancel();
    CHECK(below.is_cancelled());
}

namespace {

// A line of that many generations, each made from the one before it, is cancelled from the top and let go.
void check_line(std::size_t generations, bool by_stop_tokens) {
    ramie::cancellation_token const root;
    std::vector<ramie::cancellation_token> kept;  // by stop_tokens nothing else keeps them
    auto last = root;
    for (std::size_t i = 0; i < generations; ++i) {
        if (by_stop_tokens) kept.push_back(last);
        last = by_stop_tokens ? ramie::cancellation_token(last.stop_token()) : last.child_token();
    }
    std::size_t heard = 0;
    std::stop_callback const at_the_end(last.stop_token(), [&] { ++heard; });
    root.cancel();
    CHECK(last.is_cancelled());
    CHECK(heard == 1);
}

}  // namespace

TEST_CASE("cancellation_token: a million generations can be cancelled and let go, from a fiber and from a plain thread") {
    auto const generations = rounds(1'000'000);
    one_thread_carrier carrier;
    auto task = ramie::spawn([&] {
        check_line(generations, false);
        check_line(generations / 10, true);
    });
    carrier.drain();
    task.get();
    std::thread([&] { check_line(generations, false); }).join();
    auto last = ramie::cancellation_token();
    for (std::size_t i = 0; i < generations / 10; ++i) last = last.child_token();
    // All go here, one after another, uncancelled.
}

TEST_CASE("cancellation_token: a parent's callbacks run before its children's, whole generations after one another") {
    ramie::cancellation_token const root;
    auto const left = root.child_token(), right = root.child_token(), below = left.child_token();
    std::string order;
    std::stop_callback const d(below.stop_token(), [&] { order += 'd'; });
    std::stop_callback const b(left.stop_token(), [&] { order += 'b'; });
    std::stop_callback const c(right.stop_token(), [&] { order += 'b'; });
    std::stop_callback const a(root.stop_token(), [&] { order += 'a'; });
    root.cancel();
    CHECK(order == "abbd");
}

TEST_CASE("cancellation_token: what a callback cancels, or is born of what is being cancelled, is so when the call returns") {
    ramie::cancellation_token const root, other;
    auto const child = root.child_token(), others_child = other.child_token(), others_last = others_child.child_token();
    std::stop_source foreign;
    ramie::cancellation_token const of_foreign(foreign.get_token());
    auto const below_foreign = of_foreign.child_token();
    bool was_right = false;
    std::stop_callback const calls(root.stop_token(), [&] {
        other.cancel();
        bool const others = others_child.is_cancelled() && others_last.is_cancelled();
        foreign.request_stop();
        bool const foreigns = of_foreign.is_cancelled() && below_foreign.is_cancelled();
        was_right = others && foreigns && root.child_token().is_cancelled() && root.child_token().child_token().is_cancelled();
    });
    root.cancel();
    CHECK(was_right);
    CHECK(child.is_cancelled());
}

TEST_CASE("cancellation_token: callbacks may let tokens go that are about to be cancelled") {
    std::optional<ramie::cancellation_token> root(std::in_place);
    std::vector<ramie::cancellation_token> children;
    for (int i = 0; i < 10; ++i) children.push_back(root->child_token());
    auto const last = children.back().child_token();
    int heard = 0;
    std::optional<std::stop_callback<std::function<void()>>> first(std::in_place, root->stop_token(), [&] {
        children.clear();  // some are on the walk's list by now
        root.reset();
    });
    std::stop_callback const at_last(last.stop_token(), [&] { ++heard; });
    root->cancel();
    CHECK(heard == 1);
    CHECK(last.is_cancelled());
}

TEST_CASE("cancellation_token: a drop guard cancels when it goes, unless it is disarmed") {
    ramie::cancellation_token token;
    { auto const guard = token.drop_guard(); }
    CHECK(token.is_cancelled());
    ramie::cancellation_token other;
    {
        auto guard = other.drop_guard();
        auto moved = std::move(guard);
        CHECK(moved.disarm() == other);
        CHECK_FALSE(moved.disarm());
    }
    CHECK_FALSE(other.is_cancelled());
}

TEST_CASE("cancellation_token: std::stop_token, both ways") {
    ramie::cancellation_token token;
    int calls = 0;
    std::stop_callback const heard(token.stop_token(), [&] { ++calls; });
    token.cancel();
    CHECK(calls == 1);
    CHECK(token.stop_token().stop_requested());

    std::stop_source source;
    ramie::cancellation_token const from(source.get_token());
    auto const child = from.child_token();
    CHECK_FALSE(child.is_cancelled());
    source.request_stop();
    CHECK(child.is_cancelled());
    ramie::cancellation_token const alone{std::stop_token()};
    CHECK_FALSE(alone.is_cancelled());
    alone.cancel();
    CHECK(alone.is_cancelled());
}

TEST_CASE("cancellation_token: who hears of the stop may let the token go") {
    auto child = std::make_unique<ramie::cancellation_token>();
    ramie::cancellation_token const root;
    *child = root.child_token();
    std::stop_callback const heard(child->stop_token(), [&] { child.reset(); });
    root.cancel();
    CHECK_FALSE(child);
}

TEST_CASE("cancellation_token: a task's own stop_token makes a token that abort cancels") {
    both_ways([](one_thread_carrier& carrier) {
        std::optional<ramie::cancellation_token> token;
        auto task = ramie::spawn([&](std::stop_token mine) {
            token.emplace(mine);
            ramie::this_fiber::sleep_for(1h);
        });
        carrier.drain();
        CHECK_FALSE(token->is_cancelled());
        task.abort();
        CHECK(token->is_cancelled());
        carrier.drain();
    });
}

TEST_CASE("cancellation_token: waiting has a limit, obeys abort and timeout, and can be waited for again") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::cancellation_token token;
        auto task = ramie::spawn([&] {
            CHECK_FALSE(token.wait_for(1ms));
            CHECK_FALSE(token.wait_until(std::chrono::steady_clock::time_point{}));
            CHECK_FALSE(ramie::timeout(1ms, [&] { token.wait(); }));
            token.wait();
        });
        carrier.run();
        CHECK_FALSE(task.is_finished());
        task.abort();
        token.cancel();  // too late: it is aborted already
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
        CHECK(token.wait_for(0ms));
        CHECK(token.wait_until(std::chrono::steady_clock::time_point{}));
    });
}

TEST_CASE("cancellation_token: run_until_cancelled gives the value, or aborts and says cancelled") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::cancellation_token token;
        bool unwound = false;
        auto task = ramie::spawn([&] {
            std::string const borrowed = "here";
            CHECK(token.run_until_cancelled([&] {
                ramie::this_fiber::sleep_for(1ms);
                return borrowed.size();
            }) == 4u);
            CHECK(token.run_until_cancelled([] {}).has_value());
            CHECK_THROWS_AS((void)token.run_until_cancelled([]() -> int { throw std::runtime_error("own"); }),
                            std::runtime_error);
            auto const ended = token.run_until_cancelled([&] {
                struct leaving {
                    bool& gone;
                    ~leaving() { gone = true; }
                } const l{unwound};
                ramie::this_fiber::sleep_for(1h);
                return 1;
            });
            CHECK(ended.error() == ramie::cancelled{});
            bool ran = false;
            CHECK_FALSE(token.run_until_cancelled([&] { ran = true; }));
            CHECK_FALSE(ran);
        });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK_FALSE(unwound);
        token.cancel();
        carrier.drain();
        CHECK(unwound);
        task.get();
    });
}

namespace {

// The callable borrows the caller's frame; it must be over when the caller goes.
struct borrowing {
    ramie::cancellation_token token;
    int inside = 0;
    ramie::join_handle<void> task;
    ramie::abort_handle victim;
    borrowing() {
        task = ramie::spawn([this] {
            int local = 0;
            (void)token.run_until_cancelled([this, &local] {
                struct inside_now {
                    int& n;
                    explicit inside_now(int& c) : n(++c) {}
                    ~inside_now() { --n; }
                } const here(inside);
                for (int i = 0; i < 3; ++i) {
                    ramie::this_fiber::yield();
                    ++local;
                }
            });
            CHECK(inside == 0);
        });
        victim = task.abort_handle();
    }
    void check() {
        CHECK(task.is_finished());
        CHECK(inside == 0);
    }
};

}  // namespace

TEST_CASE("cancellation_token: an abort of run_until_cancelled's caller at any moment ends the callable first") {
    abort_at_each_step<borrowing>();
}

TEST_CASE("cancellation_token: between plain threads") {
    for (int i = 0; i < 100; ++i) {
        ramie::cancellation_token token;
        std::thread waiting([child = token.child_token()] { child.wait(); });
        token.cancel();
        waiting.join();
    }
}
