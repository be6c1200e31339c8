// Runtimes: how they are entered, from where, and that they come and go.
#include "chance.hpp"
#include "child_process.hpp"
#include "tracked.hpp"

#include <ramie/runtime.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::in_child;
using ramie::testing::rounds;
using ramie::testing::tracked;

namespace {

std::size_t entries(char const* directory) {
    std::size_t n = 0;
    for (auto const& e : std::filesystem::directory_iterator(directory)) n += e.exists() ? 1 : 0;
    return n;
}
std::size_t own_threads() { return entries("/proc/self/task"); }
std::size_t own_descriptors() { return entries("/proc/self/fd"); }

}  // namespace

TEST_CASE("runtime: block_on returns values of every kind, again and again") {
    for (bool current_thread : {false, true}) {
        ramie::runtime rt({.current_thread = current_thread});
        CHECK(rt.block_on([] { return std::string("text"); }) == "text");
        CHECK(*rt.block_on([] { return std::make_unique<int>(3); }) == 3);
        rt.block_on([] {});
        CHECK(rt.block_on([] { return ramie::spawn([] { return 5; }).get(); }) == 5);
        CHECK_THROWS_AS(rt.block_on([]() -> int { throw 42; }), int);
        CHECK(rt.block_on([] { return tracked(7); }).value == 7);
    }
    CHECK(tracked::alive() == 0);
}

TEST_CASE("runtime_handle::current: of what carries the caller, for other threads to spawn by and to read metrics") {
    auto const left = ramie::run({.workers = 2}, [] {
        auto const here = ramie::runtime_handle::current();
        CHECK(here.metrics().workers == 2);
        std::thread other([here] {
            CHECK(here.spawn([] { return ramie::spawn([] { return 7; }).get(); }).get() == 7);
            CHECK(here.spawn_blocking([] { return ramie::runtime_handle::current().metrics().workers; }).get() == 2);
            CHECK_THROWS_WITH_AS((void)ramie::runtime_handle::current(),
                                 doctest::Contains("ramie: runtime_handle::current was called on a thread that belongs to no runtime"),
                                 ramie::no_runtime);
        });
        ramie::spawn_blocking([&] { other.join(); }).get();
        CHECK(here.metrics().live_tasks == 1);
        ramie::scoped_task<void> const sleeper(ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }));
        CHECK(here.metrics().live_tasks == 2);
        CHECK(here.metrics().stacks.slabs > 0);
        return here;
    });
    CHECK(left.metrics().workers == 2);
    CHECK(left.metrics().live_tasks == 0);
    CHECK_THROWS_AS((void)left.spawn([] {}), ramie::no_runtime);
}

TEST_CASE("runtime: what a task spawned goes on between and after block_on calls") {
    ramie::runtime rt({.workers = 2});
    std::atomic<int> count{0};
    rt.block_on([&] {
        for (int i = 0; i < 10; ++i) ramie::spawn([&] { count.fetch_add(1); }).detach();
    });
    while (count.load() < 10) std::this_thread::yield();
    auto late = rt.spawn([&] { return count.load(); });
    CHECK(late.get() == 10);
}

TEST_CASE("runtime: several threads block_on one runtime at once") {
    ramie::runtime rt({.workers = 2});
    std::atomic<int> sum{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&, i] {
                for (int n = 0; n < 200; ++n) sum += rt.block_on([i] { return ramie::spawn([i] { return i; }).get(); });
            });
        }
    }
    CHECK(sum.load() == 200 * (0 + 1 + 2 + 3));
}

TEST_CASE("runtime: spawn from foreign threads, through the runtime and through copies of its handle") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        auto const handle = rt.handle();
        std::atomic<int> ran{0};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 4; ++i) {
                threads.emplace_back([&, copy = handle] {
                    for (int n = 0; n < 500; ++n) {
                        auto a = copy.spawn([&] { ran.fetch_add(1); });
                        auto b = copy.spawn({.name = "b"}, [&](int step) { ran.fetch_add(step); }, 1);
                        auto c = rt.spawn([&] { ran.fetch_add(1); });
                        if (n % 2 == 0) (void)a.join();
                        b.get();
                        c.detach();
                    }
                });
            }
        }
        while (ran.load() < 4 * 500 * 3) std::this_thread::yield();
        CHECK(ran.load() == 4 * 500 * 3);
    }
}

TEST_CASE("runtime: a handle that outlives its runtime spawns no more and says so") {
    std::optional<ramie::runtime_handle> handle;
    {
        ramie::runtime rt({.workers = 1});
        handle = rt.handle();
        CHECK(handle->spawn([] { return 1; }).get() == 1);
    }
    CHECK_THROWS_AS((void)handle->spawn([] {}), ramie::no_runtime);
    CHECK_THROWS_AS((void)handle->spawn({.name = "x"}, [value = tracked()] {}), ramie::no_runtime);
    CHECK(tracked::alive() == 0);
}

TEST_CASE("runtime: join handles and abort handles that outlive their runtime still answer") {
    std::optional<ramie::join_handle<tracked>> value;
    std::optional<ramie::join_handle<int>> failed;
    ramie::join_handle<void> parked;
    ramie::abort_handle aborter;
    {
        ramie::runtime rt({.workers = 2});
        value = rt.spawn([] { return tracked(9); });
        failed = rt.spawn([]() -> int { throw std::runtime_error("late"); });
        parked = rt.spawn([] { ramie::this_fiber::sleep_for(1h); });
        aborter = parked.abort_handle();
        while (!value->is_finished() || !failed->is_finished()) std::this_thread::yield();
    }
    CHECK(aborter.is_finished());
    aborter.abort();
    CHECK(value->join()->value == 9);
    CHECK_THROWS_WITH_AS(failed->get(), "late", std::runtime_error);
    auto const end = parked.join();
    REQUIRE_FALSE(end.has_value());
    CHECK(end.error().is_cancelled());
    value.reset();
    CHECK(tracked::alive() == 0);
}

TEST_CASE("runtime: outside a runtime, spawn and spawn_blocking throw no_runtime, whose text says what to do") {
    auto const text_of = [](auto&& f) -> std::string {
        try {
            f();
        } catch (ramie::no_runtime const& e) {
            return e.what();
        }
        return "nothing thrown";
    };
    for (auto const& text : {text_of([] { (void)ramie::spawn([held = tracked()] {}); }),
                             text_of([] { (void)ramie::spawn({.name = "x"}, [held = tracked()] {}); }),
                             text_of([] { (void)ramie::spawn_blocking([held = tracked()] {}); })}) {
        CHECK_MESSAGE(text.find("ramie::run") != std::string::npos, text);
        CHECK_MESSAGE(text.find("handle()") != std::string::npos, text);
    }
    CHECK(tracked::alive() == 0);
    ramie::this_fiber::sleep_for(1us);  // a plain thread just sleeps
    ramie::this_fiber::yield();
    ramie::this_fiber::abort_point();
    CHECK(ramie::this_fiber::id() == 0);
}

TEST_CASE("runtime: block_on and shutdown inside a task are a logic_error, and the runtime goes on") {
    for (bool current_thread : {false, true}) {
        CAPTURE(current_thread);
        ramie::runtime rt({.current_thread = current_thread});
        CHECK_THROWS_AS(rt.block_on([&] { rt.block_on([] {}); }), std::logic_error);
        CHECK_THROWS_AS(rt.block_on([&] { (void)rt.shutdown(1ms); }), std::logic_error);
        CHECK(rt.block_on([] { return 1; }) == 1);
    }
}

TEST_CASE("runtime: shutdown inside a blocking job, or in another runtime's task within one's own, is a logic_error, too") {
    ramie::runtime rt({.workers = 2});
    rt.block_on([&] {
        ramie::spawn_blocking([&] { CHECK_THROWS_AS((void)rt.shutdown(1ms), std::logic_error); }).get();
        ramie::run({.current_thread = true}, [&] { CHECK_THROWS_AS((void)rt.shutdown(1ms), std::logic_error); });
    });
    CHECK(rt.block_on([] { return 1; }) == 1);
}

TEST_CASE("runtime: one that is destroyed inside a task or blocking job of its own dies at once, with a message") {
    for (bool const current_thread : {false, true}) {
        for (int const where : {0, 1, 2}) {
            CAPTURE(current_thread);
            CAPTURE(where);
            auto const end = in_child([&] {
                std::optional<ramie::runtime> rt(std::in_place, ramie::runtime_options{.current_thread = current_thread});
                auto const destroy = [&] { rt.reset(); };
                auto& own = *rt;
                own.block_on([&] {
                    if (where == 0) ramie::spawn({.name = "careless"}, destroy).get();
                    if (where == 1) ramie::spawn_blocking(destroy).get();
                    if (where == 2) ramie::run({.current_thread = true}, [&] { ramie::spawn({.name = "careless"}, destroy).get(); });
                });
            });
            CHECK(end.killed_by(SIGABRT));
            CHECK_MESSAGE(end.said("a runtime is destroyed inside a task or blocking job of its own"), end.output);
            CHECK_MESSAGE(end.said(where == 1 ? "(a plain thread)" : "\"careless\""), end.output);
        }
    }
}

namespace {

std::atomic<bool> leaks_are_looked_for{true};

// Ends the process in a task or job. (On a fiber's stack LeakSanitizer does not find what the thread's own stack holds.)
void exit_in(ramie::runtime_options const& options, bool in_a_job) {
    leaks_are_looked_for = false;
    static ramie::runtime rt(options);
    static ramie::runtime other(options);
    rt.block_on([&] {
        ramie::spawn([] {
            ramie::abort_shield const whole;
            ramie::this_fiber::sleep_for(1h);
        }).detach();
        auto const leave = [] {
            std::atexit([] { std::fputs("atexit\n", stderr); });
            std::exit(3);
        };
        if (in_a_job) ramie::spawn_blocking(leave).get();
        else leave();
    });
}

}  // namespace

// Asked by LeakSanitizer before it looks.
extern "C" int __lsan_is_turned_off() { return !leaks_are_looked_for; }

TEST_CASE("runtime: a static one is left as it is when one of its tasks or jobs ends the process by std::exit") {
    for (bool const current_thread : {false, true}) {
        for (bool const in_a_job : {false, true}) {
            CAPTURE(current_thread);
            CAPTURE(in_a_job);
            auto const end = in_child([&] { exit_in({.shutdown_timeout = 1h, .current_thread = current_thread}, in_a_job); });
            CHECK(end.exited_with(3));
            CHECK_MESSAGE(end.output == "atexit\n", end.output);
        }
    }
}

TEST_CASE("runtime: a nested run inside a blocking job is a runtime of its own") {
    auto const threads_before = own_threads();
    int const result = ramie::run({.workers = 2}, [] {
        return ramie::spawn_blocking([] {
                   int const inner = ramie::run({.workers = 2}, [] {
                       return ramie::spawn([] { return ramie::spawn_blocking([] { return 20; }).get() + 1; }).get();
                   });
                   // The job's own runtime is bound again.
                   return inner * 2 + ramie::spawn([] { return 100; }).get();
               })
            .get();
    });
    CHECK(result == 142);
    CHECK(own_threads() == threads_before);
}

TEST_CASE("runtime: a blocking job blocks on its own runtime") {
    ramie::runtime rt({.workers = 1});
    CHECK(rt.block_on([&] { return ramie::spawn_blocking([&] { return rt.block_on([] { return 4; }); }).get(); }) == 4);
}

TEST_CASE("runtime: a hundred runtimes, one after another, leave no thread and no descriptor behind") {
    auto const threads_before = own_threads();
    auto const descriptors_before = own_descriptors();
    for (unsigned i = 0; i < 100; ++i) {
        bool const current_thread = i % 7 == 0;
        ramie::runtime rt({.workers = current_thread ? 1 : 1 + i % 3, .current_thread = current_thread});
        REQUIRE(rt.block_on([] { return ramie::spawn([] { return ramie::spawn_blocking([] { return 6; }).get(); }).get(); }) ==
                6);
    }
    CHECK(own_threads() == threads_before);
    CHECK(own_descriptors() == descriptors_before);
}

TEST_CASE("runtime: several at once, whose tasks join, wake and abort each other's") {
    ramie::runtime a({.workers = 2}), b({.workers = 1}), c({.workers = 2});
    auto const in_b = b.handle(), in_c = c.handle();
    auto const n = static_cast<int>(rounds(2000));
    long const sum = a.block_on([&] {
        long total = 0;
        for (int i = 0; i < n; ++i) {
            auto there = in_b.spawn([&in_c, i] { return in_c.spawn([i] { return i; }).get(); });
            auto stuck = in_c.spawn([] { ramie::this_fiber::sleep_for(1h); });
            total += there.get();
            CHECK_FALSE(stuck.abort_and_join().has_value());
        }
        return total;
    });
    CHECK(sum == static_cast<long>(n) * (n - 1) / 2);
}

TEST_CASE("runtime: made and destroyed in several threads at once") {
    std::atomic<int> sum{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int n = 0; n < 25; ++n) sum += ramie::run({.workers = 2}, [] { return ramie::spawn([] { return 1; }).get(); });
            });
        }
    }
    CHECK(sum.load() == 100);
}

TEST_CASE("runtime: metrics count what there is") {
    ramie::runtime rt({.workers = 2});
    auto const before = rt.metrics();
    CHECK(before.workers == 2);
    CHECK(before.live_tasks == 0);
    rt.block_on([&] {
        auto sleeper = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
        CHECK(rt.metrics().live_tasks == 2);
        for (int i = 0; i < 100; ++i) ramie::this_fiber::yield();
        (void)sleeper.abort_and_join();
        CHECK(rt.metrics().live_tasks == 1);
    });
    auto const after = rt.metrics();
    CHECK(after.live_tasks == 0);
    CHECK(after.picks > before.picks);
    CHECK(after.queued == 0);
    CHECK(after.injected == 0);
}
