// Failures that nobody can receive are reported, once.
#include "child_process.hpp"
#include "chance.hpp"
#include "tracked.hpp"

#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::rounds;
using ramie::testing::tracked;

namespace {

// A failure hook that keeps the texts.
struct reports {
    std::mutex guard;
    std::vector<std::string> texts;

    auto hook() {
        return [this](ramie::join_error const& e) {
            std::lock_guard held(guard);
            texts.push_back(std::string(e.name()) + "|" + e.what());
        };
    }
    std::size_t count() {
        std::lock_guard held(guard);
        return texts.size();
    }
    std::size_t with(std::string const& part) {
        std::lock_guard held(guard);
        std::size_t n = 0;
        for (auto const& t : texts) n += t.find(part) != std::string::npos;
        return n;
    }
};

struct not_a_std_exception {};

}  // namespace

TEST_CASE("unseen failures: reported once, whether the handle goes before the task, while it runs, or after") {
    reports seen;
    {
        ramie::runtime rt({.workers = 2, .on_task_failure = seen.hook()});
        rt.block_on([&] {
            ramie::notify go;
            ramie::spawn({.name = "before"}, [] { throw std::runtime_error("one"); }).detach();
            {
                auto running = ramie::spawn({.name = "while"}, [&] {
                    go.wait();
                    throw std::runtime_error("two");
                });
                ramie::this_fiber::sleep_for(1ms);
            }
            go.notify_one();
            while (seen.count() < 2) ramie::this_fiber::sleep_for(1ms);  // at the end of block_on they would be aborted
            auto after = ramie::spawn({.name = "after"}, [] { throw std::runtime_error("three"); });
            CHECK(after.wait_for(1h));
        });
    }
    CHECK(seen.count() == 3);
    CHECK(seen.with("before|") == 1);
    CHECK(seen.with("one") == 1);
    CHECK(seen.with("while|") == 1);
    CHECK(seen.with("two") == 1);
    CHECK(seen.with("after|") == 1);
    CHECK(seen.with("three") == 1);
}

TEST_CASE("unseen failures: what was joined, what was aborted and what returned a value is not reported") {
    reports seen;
    {
        ramie::runtime rt({.workers = 2, .on_task_failure = seen.hook()});
        rt.block_on([] {
            CHECK_FALSE(ramie::spawn([] { throw 1; }).join().has_value());
            CHECK_THROWS_AS(ramie::spawn([] { throw 1; }).get(), int);
            CHECK_FALSE(ramie::spawn_blocking([] { throw 1; }).join().has_value());
            ramie::spawn([] { return 1; }).detach();
            ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).abort();
            ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
        });
    }
    CHECK(seen.count() == 0);
}

TEST_CASE("unseen failures: of any type, from tasks and from blocking jobs, with the type named") {
    reports seen;
    {
        ramie::runtime rt({.workers = 1, .on_task_failure = seen.hook()});
        rt.block_on([] {
            ramie::spawn([] { throw 42; }).detach();
            ramie::spawn([] { throw not_a_std_exception(); }).detach();
            ramie::spawn([] { throw "text"; }).detach();
            ramie::spawn_blocking([] { throw std::string("blocking"); }).detach();
        });
        while (rt.metrics().live_tasks > 0) std::this_thread::yield();
    }
    CHECK(seen.count() == 4);
    CHECK(seen.with("type int") == 1);
    CHECK(seen.with("not_a_std_exception") == 1);
    CHECK(seen.with("char const*") == 1);
    CHECK(seen.with("string") == 1);
}

TEST_CASE("unseen failures: a handle dropped after its runtime is gone still reports") {
    reports seen;
    ramie::join_handle<void> kept;
    {
        ramie::runtime rt({.workers = 1, .on_task_failure = seen.hook()});
        kept = rt.spawn([] { throw std::runtime_error("kept"); });
        while (!kept.is_finished()) std::this_thread::yield();
    }
    CHECK(seen.count() == 0);
    kept.detach();
    CHECK(seen.with("kept") == 1);
}

TEST_CASE("unseen failures: tasks that wait for each other's ends and are stopped by the runtime's have not failed") {
    reports told;
    for (std::size_t round = 0; round < rounds(300); ++round) {
        ramie::runtime runtime({.workers = 2, .on_task_failure = told.hook()});
        std::atomic<int> waiting{0};
        for (int i = 0; i < 8; ++i) {
            runtime.spawn([&] {
                auto child = ramie::spawn([&] {
                    ++waiting;
                    ramie::this_fiber::sleep_for(1h);
                });
                child.get();
            }).detach();
        }
        while (waiting < 8) std::this_thread::yield();
    }
    CHECK(told.texts == std::vector<std::string>{});
}

TEST_CASE("unseen failures: a hook that throws is ignored") {
    ramie::runtime rt({.workers = 1, .on_task_failure = [](ramie::join_error const&) { throw 1; }});
    rt.block_on([] {
        ramie::spawn([] { throw 2; }).detach();
        ramie::this_fiber::sleep_for(1ms);
    });
    CHECK(rt.block_on([] { return 1; }) == 1);
}

TEST_CASE("unseen failures: the hook may wait, as any code of the task that failed") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::mutex lock;
        std::atomic<int> reported{0};
        {
            ramie::runtime rt({.workers = workers, .on_task_failure = [&](ramie::join_error const&) {
                                   std::lock_guard held(lock);
                                   ramie::this_fiber::yield();
                                   ramie::this_fiber::sleep_for(100us);
                                   ++reported;
                               }});
            rt.block_on([&] {
                // Who drops the handle of a task that has failed runs the hook itself, and would wait here for its own
                // lock.
                ramie::latch all_detached(1);
                for (int i = 0; i < 20; ++i) {
                    ramie::spawn([&] {
                        all_detached.wait();
                        throw 1;
                    }).detach();
                }
                lock.lock();
                all_detached.count_down();
                ramie::this_fiber::sleep_for(1ms);
                lock.unlock();
                while (reported.load() < 20) ramie::this_fiber::sleep_for(100us);
            });
        }
        CHECK(reported.load() == 20);
    }
}

TEST_CASE("a value nobody takes is destroyed in its task, and its destructor may wait") {
    struct waits_when_destroyed {
        explicit waits_when_destroyed(ramie::mutex& m) : lock(&m) {}
        waits_when_destroyed(waits_when_destroyed&& other) noexcept : lock(std::exchange(other.lock, nullptr)) {}
        ~waits_when_destroyed() {
            if (lock == nullptr) return;
            ramie::abort_shield const whole;
            std::lock_guard held(*lock);
            ramie::this_fiber::yield();
        }
        ramie::mutex* lock;
        tracked content;
    };
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::mutex lock, first;
        ramie::run({.workers = workers}, [&] {
            lock.lock();
            first.lock();
            for (int i = 0; i < 20; ++i) {
                ramie::spawn([&] {
                    std::lock_guard held(first);  // not before its handle is gone
                    return waits_when_destroyed(lock);
                }).detach();
            }
            first.unlock();
            ramie::this_fiber::sleep_for(1ms);
            lock.unlock();
            ramie::this_fiber::sleep_for(1ms);
        });
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("unseen failures: reported exactly once when handle and task end at the same moment") {
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        std::atomic<int> reported{0};
        int joined = 0;
        auto const n = static_cast<int>(rounds(20'000));
        {
            ramie::runtime rt({.workers = workers, .on_task_failure = [&](ramie::join_error const&) { ++reported; }});
            for (int i = 0; i < n; ++i) {
                auto handle = rt.spawn([held = tracked()] { throw std::pair<tracked, int>(tracked(), 1).second; });
                if (i % 3 == 0) {
                    CHECK_FALSE(handle.join().has_value());
                    ++joined;
                } else if (i % 3 == 1) {
                    for (int spins = i % 500; spins > 0; --spins) ramie::detail::cpu_pause();
                }
            }
            while (rt.metrics().live_tasks > 0) std::this_thread::yield();
        }
        CHECK(reported.load() == n - joined);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("unseen failures: without a hook, one line on stderr") {
#if defined(RAMIE_TSAN)
    return;  // TSan lets no forked child start threads once there were fibers
#endif
    auto const end = ramie::testing::in_child([] {
        ramie::run({.workers = 1}, [] {
            ramie::spawn({.name = "unlucky"}, [] { throw std::runtime_error("no luck"); }).detach();
            ramie::this_fiber::sleep_for(2ms);
        });
    });
    CHECK(end.exited_with(0));
    CHECK_MESSAGE(end.said("\"unlucky\" ended by std::runtime_error: no luck, and no handle receives that\n"), end.output);
    CHECK(std::ranges::count(end.output, '\n') == 1);
}
