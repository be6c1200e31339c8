// spawn_local: tasks that stay together on one thread.
#include "environment.hpp"
#include "tracked.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/error.hpp>
#include <ramie/join_set.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

RAMIE_NOIPA pid_t this_thread() { return ::gettid(); }

// Runs f as a pinned task, from where spawn_local may be called.
template <class F>
auto run_pinned(unsigned workers, F f) {
    return ramie::run({.workers = workers}, [&] { return ramie::spawn({.pinned = true}, std::move(f)).get(); });
}

}  // namespace

TEST_CASE("spawn_local: all local tasks of one place run on its thread, whatever they wait for") {
    for (unsigned workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        int const elsewhere = run_pinned(workers, [] {
            auto const home = this_thread();
            int moved = 0;  // shared, and needs no lock
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < 20; ++i) {
                tasks.push_back(ramie::spawn_local([&] {
                    for (int round = 0; round < 20; ++round) {
                        ramie::this_fiber::yield();
                        moved += this_thread() != home;
                        ramie::this_fiber::sleep_for(10us);
                        moved += this_thread() != home;
                        ramie::spawn_blocking([] {}).get();
                        moved += this_thread() != home;
                    }
                }));
            }
            for (auto& t : tasks) t.get();
            return moved;
        });
        CHECK(elsewhere == 0);
    }
}

TEST_CASE("spawn_local: unsynchronised state is changed by one task at a time, from wait to wait") {
    for (unsigned workers : {2u, 4u}) {
        long const sum = run_pinned(workers, [] {
            long total = 0;
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < 50; ++i) {
                tasks.push_back(ramie::spawn_local([&] {
                    for (int round = 0; round < 200; ++round) {
                        long const before = total;
                        total = before + 1;
                        ramie::this_fiber::yield();
                    }
                }));
            }
            for (auto& t : tasks) t.get();
            return total;
        });
        CHECK(sum == 50 * 200);
    }
}

TEST_CASE("spawn_local: a local task may spawn local tasks, and they run in the order of their spawning") {
    auto const order = run_pinned(2, [] {
        std::string seen;
        auto outer = ramie::spawn_local([&] {
            auto a = ramie::spawn_local([&] { seen += 'a'; });
            auto b = ramie::spawn_local([&] { seen += 'b'; });
            auto c = ramie::spawn_local([&] { seen += 'c'; });
            c.get(), b.get(), a.get();
        });
        outer.get();
        return seen;
    });
    CHECK(order == "abc");
}

TEST_CASE("spawn_local: may be called in any task of a current_thread runtime") {
    CHECK(ramie::run({.current_thread = true}, [] {
              int shared = 0;
              auto task = ramie::spawn_local([&] { return ++shared; });
              return task.get() + shared;
          }) == 2);
}

TEST_CASE("spawn_local: from a task that may move it throws std::logic_error, outside a runtime no_runtime") {
    ramie::run({.workers = 2}, [] { CHECK_THROWS_AS((void)ramie::spawn_local([] {}), std::logic_error); });
    ramie::run({.workers = 2}, [] {
        ramie::spawn_blocking([] { CHECK_THROWS_AS((void)ramie::spawn_local([] {}), std::logic_error); }).get();
    });
    CHECK_THROWS_AS((void)ramie::spawn_local([] {}), ramie::no_runtime);
}

TEST_CASE("spawn_local: a callable that never ran is destroyed on its own thread, whoever aborts it") {
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        pid_t home = 0, destroyed_on = 0;
        bool const cancelled = run_pinned(workers, [&] {
            home = this_thread();
            struct notes_thread {
                pid_t* where;
                ~notes_thread() { *where = this_thread(); }
            };
            auto kept = std::make_unique<notes_thread>(&destroyed_on);
            auto task = ramie::spawn_local([kept = std::move(kept)] { FAIL("ran"); });
            auto const other = task.abort_handle();
            std::thread([&] { other.abort(); }).join();
            CHECK(destroyed_on == 0);
            auto const result = task.join();
            return !result && result.error().is_cancelled();
        });
        CHECK(cancelled);
        CHECK(destroyed_on == home);
    }
}

TEST_CASE("spawn_local: the end of the runtime cancels local tasks, started or not, on their thread") {
    pid_t home = 0;
    std::vector<pid_t> ends;
    struct notes_thread {
        explicit notes_thread(std::vector<pid_t>& all) : list(&all) {}
        notes_thread(notes_thread&& other) noexcept : list(std::exchange(other.list, nullptr)) {}
        ~notes_thread() {
            if (list != nullptr) list->push_back(this_thread());
        }
        std::vector<pid_t>* list;
    };
    run_pinned(2, [&] {
        home = this_thread();
        for (int i = 0; i < 10; ++i)
            ramie::spawn_local([note = notes_thread(ends)] { ramie::this_fiber::sleep_for(1h); }).detach();
        ramie::this_fiber::yield();
        for (int i = 0; i < 10; ++i) ramie::spawn_local([note = notes_thread(ends)] { ramie::this_fiber::sleep_for(1h); }).detach();
    });
    CHECK(ends.size() == 20);
    for (auto const where : ends) CHECK(where == home);
}

TEST_CASE("spawn_local: one spawned while the runtime ends is cancelled") {
    std::atomic<bool> cancelled{false};
    run_pinned(2, [&] {
        ramie::spawn_local([&] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (...) {
                ramie::abort_shield const whole;
                auto late = ramie::spawn_local([] { FAIL("ran"); }).join();
                cancelled = !late && late.error().is_cancelled();
                throw;
            }
        }).detach();
        ramie::this_fiber::yield();
    });
    CHECK(cancelled.load());
}

TEST_CASE("spawn_local: its exception and its value reach the joiner") {
    run_pinned(2, [] {
        CHECK_THROWS_AS(ramie::spawn_local([]() -> int { throw std::runtime_error("x"); }).get(), std::runtime_error);
        CHECK(*ramie::spawn_local([] { return std::make_unique<int>(7); }).get() == 7);
    });
}

TEST_CASE("join_set: holds local tasks too") {
    int const sum = run_pinned(2, [] {
        ramie::join_set<int> set;
        for (int i = 1; i <= 10; ++i) set.spawn_local([i] { return i; });
        int total = 0;
        while (auto next = set.join_next()) total += next->value();
        return total;
    });
    CHECK(sum == 55);
}
