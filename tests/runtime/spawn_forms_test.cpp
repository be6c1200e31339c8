// Every verb that spawns takes f, args..., with options first or not, and makes each once, in its place. (Those of the
// lower floor: fibers/spawn_arguments_test.cpp.)
#include "counted.hpp"
#include "spawned_at.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/promise.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_thread.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// start(f, args...) gives what f returns.
template <class Start>
void check_form(Start start) {
    made callable, argument;
    struct noting : counted {
        void operator()(made& of_callable, made& of_argument, counted const& a) const {
            of_callable = so_far;
            of_argument = a.so_far;
        }
    } const f;
    counted const a;
    start(f, std::ref(callable), std::ref(argument), a);
    CHECK(callable == made{1, 0});
    CHECK(argument == made{1, 0});

    auto const sum = [](std::same_as<int> auto... n) { return (0 + ... + n); };
    CHECK(start(sum) == 0);
    CHECK(start(sum, 1) == 1);
    CHECK(start(sum, 1, 2, 3, 4, 5, 6, 7) == 28);
    CHECK(start([](std::stop_token stop, std::unique_ptr<int> n) { return stop.stop_possible() ? *n : 0; },
                std::make_unique<int>(9)) == 9);
}

std::string own_name(int) { return std::string(ramie::this_fiber::name()); }

}  // namespace

TEST_CASE("spawn forms: runtime and runtime_handle") {
    ramie::runtime home({.workers = 1});
    auto const handle = home.handle();
    check_form([&](auto&&... all) { return home.spawn(std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return handle.spawn(std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return home.spawn({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return handle.spawn({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
    CHECK(home.spawn({.name = "mine"}, own_name, 1).get() == "mine");
    auto here = home.spawn([] {});
    CHECK(ramie::detail::access::held(here).where().line() == __LINE__ - 1);
    here.get();
}

TEST_CASE("spawn forms: spawn_blocking of a runtime and of its handle, from a thread of no runtime") {
    auto home = std::make_unique<ramie::runtime>(ramie::runtime_options{.workers = 1});
    auto const handle = home->handle();
    check_form([&](auto&&... all) { return home->spawn_blocking(std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return handle.spawn_blocking(std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return home->spawn_blocking({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
    check_form([&](auto&&... all) { return handle.spawn_blocking({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
    CHECK(home->spawn_blocking([] { return ramie::spawn([] { return 1; }).get(); }).get() == 1);  // it belongs to the runtime
    CHECK_THROWS_WITH_AS((void)home->spawn_blocking({.stack_size = 1 << 20}, [] {}), doctest::Contains("stack_size"),
                         std::invalid_argument);
    home = nullptr;
    CHECK_THROWS_WITH_AS((void)handle.spawn_blocking([] {}),
                         "ramie: spawn_blocking through the handle of a runtime that is shutting down or gone", ramie::no_runtime);
}

TEST_CASE("spawn forms: jobs that other threads give a runtime while it shuts down run, or are cancelled, or are refused") {
    for (int round = 0; round < 50; ++round) {
        auto home = std::make_unique<ramie::runtime>(ramie::runtime_options{.workers = 1});
        std::atomic<int> ran = 0, with_value = 0, cancelled = 0, refused = 0;
        std::atomic<bool> begun = false;
        std::vector<std::thread> posters;
        for (int i = 0; i < 3; ++i)
            posters.emplace_back([&, handle = home->handle()] {
                for (int n = 0; n < 100; ++n) try {
                        auto const done = handle.spawn_blocking([&] { ++ran; }).join();
                        begun = true;
                        ++(done ? with_value : cancelled);
                    } catch (ramie::no_runtime const&) {
                        ++refused;
                        begun = true;
                    }
            });
        while (!begun) std::this_thread::yield();
        CHECK(home->shutdown(1min).empty());
        home = nullptr;
        for (auto& p : posters) p.join();
        CHECK(with_value + cancelled + refused == 300);
        CHECK(ran == with_value);
    }
}

TEST_CASE("spawn forms: spawn_blocking, also of a join_set") {
    ramie::run({.workers = 1}, [] {
        check_form([](auto&&... all) { return ramie::spawn_blocking(std::forward<decltype(all)>(all)...).get(); });
        check_form(
            [](auto&&... all) { return ramie::spawn_blocking({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
        auto named = ramie::spawn_blocking({.name = "job"}, [](int) {}, 1);
        CHECK(named.name() == "job");
        CHECK(ramie::detail::access::held(named).where().line() == __LINE__ - 2);
        named.get();
        CHECK_THROWS_WITH_AS(
            (void)ramie::spawn_blocking({.stack_size = 1 << 20}, [] {}),
            "ramie: spawn_blocking: stack_size is 1048576; only 0 is accepted, for a job runs on a thread's stack",
            std::invalid_argument);
        ramie::join_set<int> set;
        auto const sum = [](int a, int b) { return a + b; };
        set.spawn_blocking(sum, 1, 2);
        CHECK(set.join_next().value() == 3);
        set.spawn_blocking({.name = "x"}, sum, 3, 4);
        CHECK(set.join_next().value() == 7);
        set.spawn_blocking([] { return 1; });
        CHECK(set.join_next().value() == 1);
    });
}

TEST_CASE("spawn forms: spawn_local, also of a join_set") {
    ramie::run({.workers = 1}, [] {
        ramie::spawn({.pinned = true}, [] {
            check_form([](auto&&... all) { return ramie::spawn_local(std::forward<decltype(all)>(all)...).get(); });
            check_form(
                [](auto&&... all) { return ramie::spawn_local({.name = "x"}, std::forward<decltype(all)>(all)...).get(); });
            CHECK(ramie::spawn_local({.name = "mine"}, own_name, 1).get() == "mine");
            CHECK(ramie::spawn_local({.stack_size = 1 << 20}, [] { return ramie::this_fiber::stack_left(); }).get() > 900'000);
            ramie::join_set<std::string> set;
            set.spawn_local({.name = "member"}, own_name, 1);
            CHECK(set.join_next().value() == "member");
            set.spawn_local(own_name, 1);
            CHECK(set.join_next().value() == "");
        }).get();
    });
}

TEST_CASE("spawn forms: a job has the id of its thread; what is done at thread exit comes with the job's end") {
    static ramie::fiber_local<std::shared_ptr<int>> local;
    ramie::run({.workers = 1}, [] {
        auto const mine = ramie::this_thread::get_id();
        ramie::promise<int> p;
        auto f = p.get_future();
        auto seen = std::make_shared<int>(0);
        ramie::spawn_blocking([&] {
            CHECK(ramie::this_thread::get_id() != mine);
            CHECK(ramie::this_thread::get_id() != ramie::thread_id());
            local.set(std::shared_ptr<int>(seen.get(), [&](int* n) { *n = f.wait_for(0s) != ramie::future_status::ready; }));
            p.set_value_at_thread_exit(5);
        }).get();
        CHECK(f.wait_for(0s) == ramie::future_status::ready);
        CHECK(f.get() == 5);
        CHECK(*seen == 1);
    });
}

TEST_CASE("spawn forms: a runtime and its handle give the task the line of the call, with any number of arguments to eight") {
    ramie::runtime home({.workers = 1});
    spawned_at const at;
    auto const nothing = [](auto...) {};
    auto const place_of = [](auto const& job) { return ramie::detail::access::held(job).where(); };
    // clang-format off
    SUBCASE("runtime") {
        unsigned const first = __LINE__ + 2;
        check_lines({
            home.spawn(at).get(),
            home.spawn(at, 1).get(),
            home.spawn(at, 1, 2).get(),
            home.spawn(at, 1, 2, 3).get(),
            home.spawn(at, 1, 2, 3, 4).get(),
            home.spawn(at, 1, 2, 3, 4, 5).get(),
            home.spawn(at, 1, 2, 3, 4, 5, 6).get(),
            home.spawn(at, 1, 2, 3, 4, 5, 6, 7).get(),
            home.spawn(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
        }, first, __FILE__);
    }
    SUBCASE("runtime_handle") {
        unsigned const first = __LINE__ + 2;
        check_lines({
            home.handle().spawn(at).get(),
            home.handle().spawn(at, 1).get(),
            home.handle().spawn(at, 1, 2).get(),
            home.handle().spawn(at, 1, 2, 3).get(),
            home.handle().spawn(at, 1, 2, 3, 4).get(),
            home.handle().spawn(at, 1, 2, 3, 4, 5).get(),
            home.handle().spawn(at, 1, 2, 3, 4, 5, 6).get(),
            home.handle().spawn(at, 1, 2, 3, 4, 5, 6, 7).get(),
            home.handle().spawn(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
        }, first, __FILE__);
    }
    SUBCASE("runtime::spawn_blocking") {
        unsigned const first = __LINE__ + 2;
        check_lines({
            place_of(home.spawn_blocking(nothing)),
            place_of(home.spawn_blocking(nothing, 1)),
            place_of(home.spawn_blocking(nothing, 1, 2)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3, 4)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3, 4, 5)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7)),
            place_of(home.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7, 8)),
        }, first, __FILE__);
    }
    SUBCASE("runtime_handle::spawn_blocking") {
        unsigned const first = __LINE__ + 2;
        check_lines({
            place_of(home.handle().spawn_blocking(nothing)),
            place_of(home.handle().spawn_blocking(nothing, 1)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3, 4)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3, 4, 5)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3, 4, 5, 6)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7)),
            place_of(home.handle().spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7, 8)),
        }, first, __FILE__);
    }
    // clang-format on
}

TEST_CASE("spawn forms: spawn_blocking and spawn_local give the task the line of the call, with any number of arguments to eight") {
    ramie::runtime home({.workers = 1});
    home.spawn({.pinned = true}, [] {
        spawned_at const at;
        auto const nothing = [](auto...) {};
        auto const place_of = [](auto const& job) { return ramie::detail::access::held(job).where(); };
        // clang-format off
        SUBCASE("spawn_blocking") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                place_of(ramie::spawn_blocking(nothing)),
                place_of(ramie::spawn_blocking(nothing, 1)),
                place_of(ramie::spawn_blocking(nothing, 1, 2)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3, 4)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3, 4, 5)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3, 4, 5, 6)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7)),
                place_of(ramie::spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        SUBCASE("spawn_blocking of a join_set") {
            ramie::join_set<void> set;
            unsigned const first = __LINE__ + 2;
            check_lines({
                place_of(set.spawn_blocking(nothing)),
                place_of(set.spawn_blocking(nothing, 1)),
                place_of(set.spawn_blocking(nothing, 1, 2)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3, 4)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3, 4, 5)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7)),
                place_of(set.spawn_blocking(nothing, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        SUBCASE("spawn_local") {
            unsigned const first = __LINE__ + 2;
            check_lines({
                ramie::spawn_local(at).get(),
                ramie::spawn_local(at, 1).get(),
                ramie::spawn_local(at, 1, 2).get(),
                ramie::spawn_local(at, 1, 2, 3).get(),
                ramie::spawn_local(at, 1, 2, 3, 4).get(),
                ramie::spawn_local(at, 1, 2, 3, 4, 5).get(),
                ramie::spawn_local(at, 1, 2, 3, 4, 5, 6).get(),
                ramie::spawn_local(at, 1, 2, 3, 4, 5, 6, 7).get(),
                ramie::spawn_local(at, 1, 2, 3, 4, 5, 6, 7, 8).get(),
            }, first, __FILE__);
        }
        SUBCASE("spawn_local of a join_set") {
            ramie::join_set<std::source_location> set;
            auto const member = [&](ramie::abort_handle const&) { return set.join_next().value().value(); };
            unsigned const first = __LINE__ + 2;
            check_lines({
                member(set.spawn_local(at)),
                member(set.spawn_local(at, 1)),
                member(set.spawn_local(at, 1, 2)),
                member(set.spawn_local(at, 1, 2, 3)),
                member(set.spawn_local(at, 1, 2, 3, 4)),
                member(set.spawn_local(at, 1, 2, 3, 4, 5)),
                member(set.spawn_local(at, 1, 2, 3, 4, 5, 6)),
                member(set.spawn_local(at, 1, 2, 3, 4, 5, 6, 7)),
                member(set.spawn_local(at, 1, 2, 3, 4, 5, 6, 7, 8)),
            }, first, __FILE__);
        }
        // clang-format on
    }).get();
}
