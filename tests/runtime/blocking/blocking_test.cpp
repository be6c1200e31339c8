// spawn_blocking: the bounded pool of threads, seen through jobs.
#include "chance.hpp"
#include "child_process.hpp"
#include "tracked.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

TEST_CASE("spawn_blocking: gives the value, the exception, and its own thread; joined from fibers and threads") {
    ramie::runtime rt({.workers = 2});
    ramie::join_handle<tracked> for_thread;
    rt.block_on([&] {
        CHECK(ramie::spawn_blocking([held = tracked()] { return tracked(8); }).get().value == 8);
        CHECK_THROWS_WITH_AS(ramie::spawn_blocking([] { throw std::runtime_error("blocked"); }).get(), "blocked",
                             std::runtime_error);
        CHECK_THROWS_AS(ramie::spawn_blocking([] { throw 4; }).get(), int);
        CHECK(ramie::spawn_blocking([] { return ramie::this_fiber::id(); }).get() == 0);
        CHECK(ramie::spawn_blocking([] { return ramie::spawn([] { return 5; }).get(); }).get() == 5);
        CHECK(ramie::spawn_blocking([] { return ramie::spawn_blocking([] { return 6; }).get(); }).get() == 6);
        for_thread = ramie::spawn_blocking([] { return tracked(9); });
    });
    CHECK(for_thread.get().value == 9);
    CHECK(tracked::alive() == 0);
}

TEST_CASE("spawn_blocking: never more threads than allowed; the others queue, first come first served") {
    for (unsigned most : {1u, 3u}) {
        CAPTURE(most);
        ramie::runtime rt({.workers = 2, .max_blocking_threads = most});
        std::atomic<unsigned> running{0}, most_running{0};
        std::atomic<bool> go{false};
        std::mutex guard;
        std::vector<int> order;
        rt.block_on([&] {
            std::vector<ramie::join_handle<void>> jobs;
            for (int i = 0; i < 40; ++i) {
                jobs.push_back(ramie::spawn_blocking([&, i] {
                    auto const now = ++running;
                    for (auto seen = most_running.load(); now > seen && !most_running.compare_exchange_weak(seen, now);) {}
                    while (!go) std::this_thread::yield();
                    {
                        std::lock_guard held(guard);
                        order.push_back(i);
                    }
                    --running;
                }));
            }
            while (running.load() < most) ramie::this_fiber::yield();
            CHECK(rt.metrics().blocking_threads == most);
            CHECK(rt.metrics().blocking_queued == 40 - most);
            CHECK(rt.metrics().live_tasks == 41);
            go = true;
            for (auto& j : jobs) j.get();
        });
        CHECK(most_running.load() == most);
        CHECK(order.size() == 40);
        if (most == 1) CHECK(std::ranges::is_sorted(order));
        CHECK(rt.metrics().blocking_queued == 0);
    }
}

TEST_CASE("spawn_blocking: jobs that wait for each other all get a thread, new ones or such that were idle") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .max_blocking_threads = 40});
        for (int round = 0; round < 20; ++round) {
            rt.block_on([] {
                std::latch all_run(40);
                std::vector<ramie::join_handle<void>> jobs;
                for (int i = 0; i < 40; ++i) jobs.push_back(ramie::spawn_blocking([&] { all_run.arrive_and_wait(); }));
                for (auto& j : jobs) j.get();
            });
        }
        CHECK(rt.metrics().blocking_threads == 40);
    }
}

TEST_CASE("spawn_blocking: jobs from jobs: the whole pool queues for itself and none is lost") {
    ramie::runtime rt({.workers = 2, .max_blocking_threads = 8});
    auto const n = rounds(300);
    std::atomic<std::size_t> ran{0};
    rt.block_on([&] {
        std::vector<ramie::join_handle<void>> parents;
        for (std::size_t i = 0; i < n; ++i) {
            parents.push_back(ramie::spawn_blocking([&] {
                for (int child = 0; child < 10; ++child) ramie::spawn_blocking([&] { ++ran; }).detach();
            }));
        }
        for (auto& p : parents) p.get();
        while (rt.metrics().live_tasks > 1) ramie::this_fiber::yield();
    });
    CHECK(ran.load() == n * 10);
    CHECK(rt.metrics().blocking_queued == 0);
}

TEST_CASE("spawn_blocking: idle threads are used again") {
    ramie::runtime rt({.workers = 1});
    std::atomic<int> fresh{0};
    rt.block_on([&] {
        for (int i = 0; i < 300; ++i) {
            ramie::spawn_blocking([&] {
                thread_local bool seen = false;
                if (!std::exchange(seen, true)) ++fresh;
            }).get();
            ramie::this_fiber::sleep_for(50us);  // a thread says that it is idle only after its job's end is known
        }
    });
    CHECK(fresh.load() < 100);
    CHECK(static_cast<int>(rt.metrics().blocking_threads) == fresh.load());
}

TEST_CASE("spawn_blocking: threads without work end after ten seconds") {
    if (scale() < 10) return;  // it takes that long
    ramie::runtime rt({.workers = 1});
    rt.block_on([] { ramie::spawn_blocking([] {}).get(); });
    CHECK(rt.metrics().blocking_threads == 1);
    while (rt.metrics().blocking_threads > 0) std::this_thread::sleep_for(100ms);
    CHECK(rt.block_on([] { return ramie::spawn_blocking([] { return 1; }).get(); }) == 1);
}

TEST_CASE("spawn_blocking: a queued job that is aborted never runs; a running one sees its stop_token and ends by itself") {
    for (unsigned workers : {1u, 2u}) {
        ramie::runtime rt({.workers = workers, .max_blocking_threads = 1});
        std::atomic<bool> queued_ran{false}, running{false};
        rt.block_on([&] {
            auto first = ramie::spawn_blocking([&](std::stop_token stop) {
                running = true;
                while (!stop.stop_requested()) std::this_thread::yield();
                return tracked(3);
            });
            auto queued = ramie::spawn_blocking([&, held = tracked()] { queued_ran = true; });
            while (!running) ramie::this_fiber::yield();
            queued.abort();
            CHECK(queued.is_finished());
            CHECK(tracked::alive() == 0);  // its callable is gone already
            auto const end = queued.join();
            CHECK_FALSE(end.has_value());
            if (!end) CHECK(end.error().is_cancelled());
            CHECK_FALSE(first.is_finished());
            first.abort();
            CHECK(first.get().value == 3);  // a running one gives its value all the same
            CHECK(ramie::spawn_blocking([] { return 2; }).get() == 2);
        });
        CHECK_FALSE(queued_ran.load());
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("spawn_blocking: a join_set joins jobs beside tasks, as they finish, and its end waits for those that run") {
    ramie::runtime rt({.workers = 2, .max_blocking_threads = 1});
    std::atomic<bool> go{false}, stopped{false}, queued_ran{false};
    rt.block_on([&] {
        ramie::notify done;
        ramie::join_set<int> set;
        set.spawn([&] {
            done.wait();
            return 1;
        });
        set.spawn_blocking([&] {
            while (!go) std::this_thread::yield();
            return 2;
        });
        CHECK_FALSE(set.try_join_next());
        go = true;
        CHECK(set.join_next()->value() == 2);
        done.notify_one();
        CHECK(set.join_next()->value() == 1);
        CHECK_FALSE(set.join_next());

        std::atomic<bool> running{false};
        set.spawn_blocking([&](std::stop_token stop) {
            running = true;
            while (!stop.stop_requested()) std::this_thread::yield();
            stopped = true;
            return 3;
        });
        set.spawn_blocking([&, held = tracked()] {
            queued_ran = true;
            return 4;
        });
        while (!running) ramie::this_fiber::yield();
        set.shutdown();
        CHECK(stopped);
        CHECK(set.empty());
    });
    CHECK_FALSE(queued_ran);
    CHECK(tracked::alive() == 0);
}

TEST_CASE("spawn_blocking: waiting for a job has a timeout and can be aborted, and the job goes on") {
    ramie::runtime rt({.workers = 1});
    std::atomic<bool> go{false};
    rt.block_on([&] {
        auto job = ramie::spawn_blocking([&] {
            while (!go) std::this_thread::yield();
            return 1;
        });
        CHECK_FALSE(job.wait_for(1ms));
        CHECK_FALSE(ramie::timeout(1ms, [&] { (void)job.wait_for(1h); }).has_value());
        auto joiner = ramie::spawn([&] { (void)job.wait_for(1h); });
        ramie::this_fiber::yield();
        CHECK_FALSE(joiner.abort_and_join().has_value());
        go = true;
        CHECK(job.get() == 1);
    });
}

TEST_CASE("spawn_blocking: jobs, aborts and joins at random lose nothing") {
    RAMIE_CAPTURE_SEED();
    for (unsigned most : {1u, 4u}) {
        CAPTURE(most);
        ramie::runtime rt({.workers = 2, .max_blocking_threads = most});
        auto const n = rounds(3000);
        std::atomic<std::size_t> ran{0};
        std::size_t values = 0, cancelled = 0;
        rt.block_on([&] {
            chance dice(most);
            std::vector<ramie::join_handle<tracked>> jobs;
            for (std::size_t i = 0; i < n; ++i) {
                jobs.push_back(ramie::spawn_blocking([&ran, held = tracked()] {
                    ++ran;
                    return tracked();
                }));
                if (dice.one_in(3)) jobs[dice.below(jobs.size())].abort();
            }
            for (auto& j : jobs) ++(j.join().has_value() ? values : cancelled);
        });
        CHECK(values == ran.load());
        CHECK(values + cancelled == n);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("spawn_blocking: a thread that cannot be started is the caller's error if there is none at all, and loses no job") {
#if defined(RAMIE_TSAN)
    return;  // TSan ends the process when a thread cannot be started
#endif
    auto const end = in_child([] {
        ramie::runtime rt({.workers = 1});
        // From now on this user may have no more threads. (The limit does not hold for root.)
        if (::setuid(65534) != 0) std::printf("skipped\n");
        rlimit const none{1, 1};
        ::setrlimit(RLIMIT_NPROC, &none);
        try {
            std::thread([] {}).join();
            std::printf("skipped\n");
            return;
        } catch (std::system_error const&) {
        }
        rt.block_on([] {
            try {
                (void)ramie::spawn_blocking([held = tracked()] { std::printf("ran\n"); });
                std::printf("accepted\n");
            } catch (std::system_error const& e) {
                std::printf("refused: %d, alive: %d\n", e.code() == std::errc::resource_unavailable_try_again,
                            static_cast<int>(tracked::alive()));
            }
        });
        std::printf("goes on: %d, live: %d\n", rt.block_on([] { return ramie::spawn([] { return 1; }).get(); }),
                    static_cast<int>(rt.metrics().live_tasks));
    });
    CHECK(end.exited_with(0));
    if (end.said("skipped")) return;
    CHECK_MESSAGE(end.said("refused: 1, alive: 0\n"), end.output);
    CHECK_MESSAGE(end.said("goes on: 1, live: 0\n"), end.output);
}

TEST_CASE("spawn_blocking: where one thread is all there can be, it does all jobs, and a call that fails is no error") {
#if defined(RAMIE_TSAN)
    return;  // TSan ends the process when a thread cannot be started
#endif
    auto const end = in_child([] {
        ramie::runtime rt({.workers = 1});
        if (::setuid(65534) != 0) std::printf("skipped\n");
        rt.block_on([] { ramie::spawn_blocking([] {}).get(); });
        rlimit const none{1, 1};
        ::setrlimit(RLIMIT_NPROC, &none);
        try {
            std::thread([] {}).join();
            std::printf("skipped\n");
            return;
        } catch (std::system_error const&) {
        }
        int sum = 0;
        for (int round = 0; round < 100; ++round) {
            rt.block_on([&] {
                std::vector<ramie::join_handle<int>> jobs;
                for (int i = 0; i < 10; ++i) jobs.push_back(ramie::spawn_blocking([i] { return i; }));
                for (auto& j : jobs) sum += j.get();
            });
        }
        std::printf("sum: %d, threads: %u\n", sum, rt.metrics().blocking_threads);
    });
    CHECK(end.exited_with(0));
    if (end.said("skipped")) return;
    CHECK_MESSAGE(end.said("sum: 4500, threads: 1\n"), end.output);
}

TEST_CASE("runtime: threads that cannot be started are a std::system_error, and those that were are joined") {
#if defined(RAMIE_TSAN)
    return;
#endif
    auto const end = in_child([] {
        if (::setuid(65534) != 0) std::printf("skipped\n");
        rlimit const few{4, 4};
        ::setrlimit(RLIMIT_NPROC, &few);
        try {
            ramie::runtime const rt({.workers = 64});
            std::printf("skipped\n");
        } catch (std::system_error const&) {
            std::printf("refused\n");
        }
        std::printf("then: %d\n", ramie::run({.workers = 1}, [] { return 1; }));
    });
    CHECK(end.exited_with(0));
    if (end.said("skipped")) return;
    CHECK_MESSAGE(end.said("refused\nthen: 1\n"), end.output);
}

TEST_CASE("spawn_blocking: a job has fiber_locals of its own, inherits as a task does, and leaves none to the next job") {
    static constinit ramie::fiber_local<int> const passed_on(ramie::inherit::copy);
    static constinit ramie::fiber_local<tracked> const own;
    ramie::runtime rt({.workers = 1, .max_blocking_threads = 1});
    rt.block_on([] {
        auto const job = [] {
            CHECK_FALSE(own.is_set());
            own.set(tracked(1));
            return passed_on.is_set() ? ++passed_on.get() : 0;
        };
        for (int i = 0; i < 3; ++i) {
            CHECK(passed_on.scope(i + 10, [&] { return ramie::spawn_blocking(job); }).get() == i + 11);
            CHECK(tracked::alive() == 0);  // destroyed before the result is seen
            CHECK(ramie::spawn_blocking(job).get() == 0);
        }
        struct result {
            bool mine = true;
            result() = default;
            result(result&& other) noexcept : mine(std::exchange(other.mine, false)) {}
            ~result() {
                if (mine) own.set(tracked());
            }
        };
        // The job destroys its result only if the handle was dropped before; later the dropper would.
        std::atomic<bool> dropped{false};
        ramie::spawn_blocking([&] {
            while (!dropped) std::this_thread::yield();
            return result();
        }).detach();
        dropped = true;
        ramie::spawn_blocking([] { CHECK_FALSE(own.is_set()); }).get();
        CHECK(tracked::alive() == 0);
        auto held = ramie::spawn_blocking([] { std::this_thread::sleep_for(5ms); });
        passed_on.scope(1, [&] { CHECK(ramie::spawn_blocking(job).abort_and_join().error().is_cancelled()); });
        held.get();
    });
}
