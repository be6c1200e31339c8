// What is called, and with what, is made once, in its place: an lvalue is copied, an rvalue moved, and neither is moved
// again before the call. Every verb that spawns takes f, args..., with options first or not.
#include "both_ways.hpp"
#include "counted.hpp"
#include "spawned_at.hpp"

#include <ramie/async.hpp>
#include <ramie/join.hpp>
#include <ramie/join_set.hpp>
#include <ramie/jthread.hpp>
#include <ramie/race.hpp>
#include <ramie/scope.hpp>
#include <ramie/spawn.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/thread.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

using namespace ramie::testing;

namespace {

constexpr made copied{1, 0}, moved{0, 1};

struct trip {
    made callable, first, second;
    friend bool operator==(trip, trip) = default;
};

// Notes how it and its arguments came.
struct noting : counted {
    explicit noting(trip& to) : log(&to) {}
    void operator()(counted const& a, counted&& b) const { *log = {so_far, a.so_far, b.so_far}; }
    trip* log;
};

// start(f, a, b) with lvalues, then with rvalues; they have run when it returns.
template <class Start>
void check_made_once(Start start) {
    trip seen;
    noting f(seen);
    counted a, b;
    start(f, a, b);
    CHECK(seen.callable == copied);
    CHECK(seen.first == copied);
    CHECK(seen.second == copied);
    start(std::move(f), std::move(a), std::move(b));
    CHECK(seen.callable == moved);
    CHECK(seen.first == moved);
    CHECK(seen.second == moved);
}

template <class F>
void in_a_task(F f) {
    both_ways([&](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([&] { f(); });
        carrier.run();
        parent.get();
    });
}

}  // namespace

TEST_CASE("spawn arguments: std::thread's way is one copy and no move") {
    check_made_once([](auto&&... all) { std::thread(std::forward<decltype(all)>(all)...).join(); });
}

TEST_CASE("spawn arguments: are made once by spawn, with and without options") {
    in_a_task([] {
        check_made_once([](auto&&... all) { ramie::spawn(std::forward<decltype(all)>(all)...).get(); });
        check_made_once([](auto&&... all) { ramie::spawn({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
    });
}

TEST_CASE("spawn arguments: are made once by thread, jthread and async") {
    in_a_task([] {
        check_made_once([](auto&&... all) { ramie::thread(std::forward<decltype(all)>(all)...).join(); });
        check_made_once([](auto&&... all) { ramie::thread({.name = "x"}, std::forward<decltype(all)>(all)...).join(); });
        check_made_once([](auto&&... all) { ramie::jthread(std::forward<decltype(all)>(all)...).join(); });
        check_made_once([](auto&&... all) { ramie::async(std::forward<decltype(all)>(all)...).get(); });
        check_made_once(
            [](auto&&... all) { ramie::async(ramie::launch::deferred, std::forward<decltype(all)>(all)...).get(); });
    });
}

TEST_CASE("spawn arguments: are made once by scope, task_tracker and join_set, with and without options") {
    in_a_task([] {
        ramie::scope children;
        check_made_once([&](auto&&... all) { children.spawn(std::forward<decltype(all)>(all)...).get(); });
        check_made_once([&](auto&&... all) { children.spawn({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
        ramie::task_tracker tracker;
        check_made_once([&](auto&&... all) { tracker.spawn(std::forward<decltype(all)>(all)...).get(); });
        check_made_once([&](auto&&... all) { tracker.spawn({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
        ramie::join_set<void> set;
        check_made_once([&](auto&&... all) {
            set.spawn(std::forward<decltype(all)>(all)...);
            CHECK(set.join_next().has_value());
        });
        check_made_once([&](auto&&... all) {
            set.spawn({.name = "x"}, std::forward<decltype(all)>(all)...);
            CHECK(set.join_next().has_value());
        });
    });
}

TEST_CASE("spawn arguments: any number of them, moved or lent, to functions and to members; the token comes first") {
    in_a_task([] {
        auto const sum = [](std::same_as<int> auto... n) { return (0 + ... + n); };
        ramie::scope children;
        ramie::task_tracker tracker;
        ramie::join_set<int> set;
        CHECK(children.spawn(sum).get() == 0);
        CHECK(children.spawn(sum, 1).get() == 1);
        CHECK(children.spawn(sum, 1, 2, 3, 4, 5, 6).get() == 21);
        CHECK(tracker.spawn(sum, 1, 2).get() == 3);
        CHECK(tracker.spawn({}, sum, 1, 2, 3, 4, 5, 6, 7).get() == 28);
        set.spawn(sum, 1, 2, 3);
        CHECK(set.join_next().value() == 6);

        int lent = 0;
        auto const add = [](std::stop_token stop, int& to, std::unique_ptr<int> n) {
            to += *n;
            return stop.stop_possible();
        };
        CHECK(children.spawn(add, std::ref(lent), std::make_unique<int>(1)).get());
        CHECK(tracker.spawn(add, std::ref(lent), std::make_unique<int>(2)).get());
        set.spawn(add, std::ref(lent), std::make_unique<int>(4));
        CHECK(set.join_next().value() == 1);
        CHECK(lent == 7);

        struct counter {
            int n = 0;
            int add(int i) { return n += i; }
        } c;
        CHECK(children.spawn(&counter::add, &c, 2).get() == 2);
        CHECK(tracker.spawn(&counter::add, &c, 3).get() == 5);
        set.spawn(&counter::add, &c, 4);
        CHECK(set.join_next().value() == 9);
    });
}

TEST_CASE("spawn arguments: options name a task of each, and say where it was spawned") {
    in_a_task([] {
        auto const name = [](int) { return std::string(ramie::this_fiber::name()); };
        ramie::scope children;
        ramie::task_tracker tracker;
        ramie::join_set<std::string> set;
        CHECK(children.spawn({.name = "child"}, name, 1).get() == "child");
        CHECK(tracker.spawn({.name = "tracked"}, name, 1).get() == "tracked");
        set.spawn({.name = "member"}, name, 1);
        CHECK(set.join_next().value() == "member");
        CHECK(ramie::async({.name = "called"}, name, 1).get() == "called");
        CHECK(ramie::async({.name = "called"}, ramie::launch::async, name, 1).get() == "called");
        CHECK(ramie::async({.name = "not used"}, ramie::launch::deferred, name, 1).get() != "not used");
        auto const own_name = [] { return std::string(ramie::this_fiber::name()); };
        CHECK(ramie::join({.name = "joined"}, own_name, own_name) == std::tuple(std::string("joined"), std::string("joined")));
        CHECK(ramie::try_join({.name = "tried"}, own_name) == std::tuple(std::string("tried")));
        CHECK(ramie::race({.name = "raced"}, own_name) == "raced");
        auto const line = [](auto const& handle) { return ramie::detail::access::held(handle).where().line(); };
        auto here = children.spawn([] {});
        CHECK(line(here) == __LINE__ - 1);
        auto there = tracker.spawn([] {});
        CHECK(line(there) == __LINE__ - 1);
        auto described = children.spawn({.name = "x"}, [](int) {}, 1);
        CHECK(line(described) == __LINE__ - 1);
    });
}

// A task's place is the line of the call: up to eight arguments for want of a way to put a default argument behind any
// number of them, and if options say it with any.
TEST_CASE("spawn arguments: each verb gives the task the line of its call, with any number of arguments to eight") {
    in_a_task([] {
        spawned_at const at;
        std::source_location noted;
        auto const note = [&](auto... all) { noted = at(all...); };
        auto const place_of = [&](auto thread) { return thread.join(), noted; };
        // clang-format off
        SUBCASE("spawn") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                ramie::spawn(at).get(),
                ramie::spawn(at, 1).get(),
                ramie::spawn(at, 1, 2).get(),
                ramie::spawn(at, 1, 2, 3).get(),
                ramie::spawn(at, 1, 2, 3, 4).get(),
                ramie::spawn(at, 1, 2, 3, 4, 5).get(),
                ramie::spawn(at, 1, 2, 3, 4, 5, 6).get(),
                ramie::spawn(at, 1, 2, 3, 4, 5, 6, 7).get(),
                ramie::spawn(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
            }, first, __FILE__);
        }
        SUBCASE("async") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                ramie::async(at).get(),
                ramie::async(at, 1).get(),
                ramie::async(at, 1, 2).get(),
                ramie::async(at, 1, 2, 3).get(),
                ramie::async(at, 1, 2, 3, 4).get(),
                ramie::async(at, 1, 2, 3, 4, 5).get(),
                ramie::async(at, 1, 2, 3, 4, 5, 6).get(),
                ramie::async(ramie::launch::async, at, 1, 2, 3, 4, 5, 6).get(),
                ramie::async(ramie::launch::async, at, 1, 2, 3, 4, 5, 6, 7).get(),
            }, first, __FILE__);
        }
        SUBCASE("join, try_join and race: each of their callables") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                std::get<0>(ramie::join(at)),
                std::get<1>(ramie::join(at, at)),
                std::get<2>(ramie::join(at, at, at)),
                std::get<3>(ramie::try_join(at, at, at, at)),
                std::get<4>(ramie::try_join(at, at, at, at, at)),
                std::get<5>(ramie::join(at, at, at, at, at, at)),
                std::get<7>(ramie::join(at, at, at, at, at, at, at, at)),
                ramie::race(at),
                ramie::race(at, at, at, at, at, at, at, at),
            }, first, __FILE__);
        }
        SUBCASE("scope") {
            ramie::scope children;
            unsigned const first = __LINE__ + 2;
            check_lines({
                children.spawn(at).get(),
                children.spawn(at, 1).get(),
                children.spawn(at, 1, 2).get(),
                children.spawn(at, 1, 2, 3).get(),
                children.spawn(at, 1, 2, 3, 4).get(),
                children.spawn(at, 1, 2, 3, 4, 5).get(),
                children.spawn(at, 1, 2, 3, 4, 5, 6).get(),
                children.spawn(at, 1, 2, 3, 4, 5, 6, 7).get(),
                children.spawn(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
            }, first, __FILE__);
        }
        SUBCASE("task_tracker") {
            ramie::task_tracker tracker;
            unsigned const first = __LINE__ + 2;
            check_lines({
                tracker.spawn(at).get(),
                tracker.spawn(at, 1).get(),
                tracker.spawn(at, 1, 2).get(),
                tracker.spawn(at, 1, 2, 3).get(),
                tracker.spawn(at, 1, 2, 3, 4).get(),
                tracker.spawn(at, 1, 2, 3, 4, 5).get(),
                tracker.spawn(at, 1, 2, 3, 4, 5, 6).get(),
                tracker.spawn(at, 1, 2, 3, 4, 5, 6, 7).get(),
                tracker.spawn(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
            }, first, __FILE__);
        }
        SUBCASE("join_set") {
            ramie::join_set<std::source_location> set;
            auto const member = [&](ramie::abort_handle const&) { return set.join_next().value().value(); };
            unsigned const first = __LINE__ + 2;
            check_lines({
                member(set.spawn(at)),
                member(set.spawn(at, 1)),
                member(set.spawn(at, 1, 2)),
                member(set.spawn(at, 1, 2, 3)),
                member(set.spawn(at, 1, 2, 3, 4)),
                member(set.spawn(at, 1, 2, 3, 4, 5)),
                member(set.spawn(at, 1, 2, 3, 4, 5, 6)),
                member(set.spawn(at, 1, 2, 3, 4, 5, 6, 7)),
                member(set.spawn(at, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        SUBCASE("thread") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                place_of(ramie::thread(note)),
                place_of(ramie::thread(note, 1)),
                place_of(ramie::thread(note, 1, 2)),
                place_of(ramie::thread(note, 1, 2, 3)),
                place_of(ramie::thread(note, 1, 2, 3, 4)),
                place_of(ramie::thread(note, 1, 2, 3, 4, 5)),
                place_of(ramie::thread(note, 1, 2, 3, 4, 5, 6)),
                place_of(ramie::thread(note, 1, 2, 3, 4, 5, 6, 7)),
                place_of(ramie::thread(note, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        SUBCASE("jthread") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                place_of(ramie::jthread(note)),
                place_of(ramie::jthread(note, 1)),
                place_of(ramie::jthread(note, 1, 2)),
                place_of(ramie::jthread(note, 1, 2, 3)),
                place_of(ramie::jthread(note, 1, 2, 3, 4)),
                place_of(ramie::jthread(note, 1, 2, 3, 4, 5)),
                place_of(ramie::jthread(note, 1, 2, 3, 4, 5, 6)),
                place_of(ramie::jthread(note, 1, 2, 3, 4, 5, 6, 7)),
                place_of(ramie::jthread(note, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        // clang-format on
    });
}

TEST_CASE("spawn arguments: with more than eight arguments options say the line") {
    in_a_task([] {
        spawned_at const at;
        CHECK(ramie::spawn({}, at, 1, 2, 3, 4, 5, 6, 7, 8, 9).get().line() == __LINE__);
        CHECK(ramie::spawn(at, 1, 2, 3, 4, 5, 6, 7, 8, 9).get().line() == 0);
        auto const sum = [](std::same_as<int> auto... n) { return (0 + ... + n); };
        CHECK(ramie::spawn(sum, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).get() == 55);
    });
}
