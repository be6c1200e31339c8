// On real workers, thousands of times: abort against completion, join against completion, handles dropped in every
// state. Every value and every callable is destroyed exactly once.
#include "chance.hpp"
#include "tracked.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

constexpr unsigned worker_counts[] = {1, 2, 4};

void spin(std::uint64_t n) {
    for (; n > 0; --n) ramie::detail::cpu_pause();
}

}  // namespace

TEST_CASE("races: an abort that meets the end of the task: the value or cancelled, and nothing leaks") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(20'000);
        std::size_t values = 0, cancelled = 0;
        ramie::run({.workers = workers}, [&] {
            chance dice(workers);
            for (std::size_t i = 0; i < n; ++i) {
                auto const work = dice.below(300), wait = dice.below(300), yields = dice.below(3);
                auto task = ramie::spawn([work, yields, held = tracked()] {
                    spin(work);
                    for (auto y = yields; y > 0; --y) ramie::this_fiber::yield();
                    return tracked(5);
                });
                spin(wait);
                if (dice.one_in(3)) ramie::this_fiber::yield();
                auto const end = task.abort_and_join();
                if (end.has_value()) ++values;
                else if (end.error().is_cancelled()) ++cancelled;
                if (end.has_value() && end->value != 5) throw std::logic_error("not the value");
            }
        });
        CHECK(values + cancelled == n);
        CHECK(cancelled > 0);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: several threads and tasks abort one task while it ends and is joined") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(4000);
        ramie::runtime rt({.workers = workers});
        chance dice(workers);
        for (std::size_t i = 0; i < n; ++i) {
            auto const mode = dice.below(3);
            auto task = rt.spawn([mode, held = tracked()](std::stop_token stop) {
                if (mode == 0) ramie::this_fiber::sleep_for(1h);
                if (mode == 1) ramie::this_fiber::yield();
                return std::make_pair(tracked(), stop.stop_requested());
            });
            auto const aborter = task.abort_handle();
            auto other = rt.spawn([aborter] { aborter.abort(); });
            if (dice.one_in(2)) aborter.abort();
            auto const end = task.join();
            if (mode == 0) CHECK_FALSE(end.has_value());
            CHECK(aborter.is_finished());
            (void)other.join();
        }
        CHECK(rt.metrics().live_tasks == 0);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: a join that meets the end of the task, from fibers and from plain threads") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        auto const n = rounds(10'000);
        chance dice(workers);
        for (std::size_t i = 0; i < n; ++i) {
            auto task = rt.spawn([work = dice.below(200)] {
                spin(work);
                return tracked(1);
            });
            spin(dice.below(200));
            if (i % 2 == 0) {
                REQUIRE(task.get().value == 1);
            } else {
                auto joiner = rt.spawn([t = std::move(task)]() mutable { return t.get().value; });
                REQUIRE(joiner.get() == 1);
            }
        }
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: a second join of one handle is refused, between threads and between a thread and a fiber") {
    ramie::runtime rt({.workers = 2});
    for (bool const first_is_a_fiber : {false, true}) {
        CAPTURE(first_is_a_fiber);
        ramie::notify go;
        auto task = rt.spawn([&] {
            go.wait();
            return 7;
        });
        auto const joins = [&] { return task.join().value(); };
        std::optional<ramie::join_handle<int>> fiber;
        std::optional<std::future<int>> thread;
        if (first_is_a_fiber) fiber = rt.spawn(joins);
        else thread = std::async(std::launch::async, joins);
        while (!ramie::detail::access::held(task).state.has_joiner()) std::this_thread::yield();
        CHECK_THROWS_AS((void)task.join(), std::logic_error);
        CHECK_THROWS_AS((void)task.wait_for(1h), std::logic_error);
        rt.block_on([&] { CHECK_THROWS_AS(task.wait(), std::logic_error); });
        go.notify_one();
        CHECK((first_is_a_fiber ? fiber->get() : thread->get()) == 7);
    }
}

TEST_CASE("races: a join whose own limit, timeout or abort meets the end of the task keeps the handle valid") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(5000);
        std::size_t early = 0;
        ramie::run({.workers = workers}, [&] {
            chance dice(workers);
            for (std::size_t i = 0; i < n; ++i) {
                auto const nap = dice.up_to(60us);
                auto task = ramie::spawn([nap] {
                    ramie::this_fiber::sleep_for(nap);
                    return tracked(2);
                });
                if (dice.one_in(2)) {
                    while (!task.wait_for(dice.up_to(60us))) ++early;
                } else {
                    // The joiner is aborted; whoever holds the handle then joins it.
                    auto joiner = ramie::spawn([&] { return task.wait_for(1h); });
                    ramie::this_fiber::sleep_for(dice.up_to(60us));
                    if (!joiner.abort_and_join().has_value()) ++early;
                }
                if (task.get().value != 2) throw std::logic_error("not the value");
            }
        });
        CHECK(early > 0);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: handles dropped in every state; the task ends all the same and its value is destroyed once") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = static_cast<int>(rounds(20'000));
        std::atomic<int> ended{0};
        {
            ramie::runtime rt({.workers = workers});
            chance dice(workers);
            for (int i = 0; i < n; ++i) {
                auto const waits = dice.below(3);
                auto task = rt.spawn([&ended, waits, held = tracked()] {
                    if (waits == 1) ramie::this_fiber::yield();
                    if (waits == 2) ramie::this_fiber::sleep_for(20us);
                    ++ended;
                    return tracked();
                });
                auto const aborter = dice.one_in(4) ? task.abort_handle() : ramie::abort_handle();
                spin(dice.below(400));  // unstarted, running, parked or finished by now
                if (dice.one_in(8)) (void)task.wait_for(1h);
            }
            while (rt.metrics().live_tasks > 0) std::this_thread::yield();
        }
        CHECK(ended.load() == n);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: an unstarted task that is aborted never runs, and its callable is destroyed") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(10'000);
        std::atomic<std::size_t> ran{0};
        std::size_t finished = 0;
        ramie::run({.workers = workers}, [&] {
            for (std::size_t i = 0; i < n; ++i) {
                auto task = ramie::spawn([&ran, held = tracked()] { ++ran; });
                task.abort();
                auto const end = task.join();
                if (end.has_value()) ++finished;
            }
        });
        CHECK(ran.load() == finished);  // whoever was too late ran whole
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("races: a task parked in each primitive is aborted, unwinds, and leaves the primitive usable") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        auto const n = rounds(300);
        ramie::run({.workers = workers}, [&] {
            chance dice(workers);
            for (std::size_t i = 0; i < n; ++i) {
                ramie::mutex lock;
                ramie::condition_variable changed;
                ramie::notify signal;
                auto never_ends = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
                std::unique_lock held(lock);
                std::atomic<int> unwound{0};
                std::function<void()> const waits[] = {
                    [&] { lock.lock(); },
                    [&] {
                        ramie::mutex own;
                        std::unique_lock own_lock(own);
                        changed.wait(own_lock);
                    },
                    [&] { signal.wait(); },
                    [&] { ramie::this_fiber::sleep_for(1h); },
                    [&] { (void)never_ends.wait_for(1h); },
                };
                std::vector<ramie::join_handle<void>> tasks;
                for (auto const& wait : waits) {
                    tasks.push_back(ramie::spawn([&] {
                        struct note {
                            std::atomic<int>& n;
                            ~note() { ++n; }
                        } const at_end{unwound};
                        tracked const local;
                        wait();
                    }));
                }
                if (!dice.one_in(3)) ramie::this_fiber::sleep_for(dice.up_to(100us));
                for (auto& t : tasks) t.abort();
                for (auto& t : tasks) {
                    auto const end = t.join();
                    if (end.has_value() || !end.error().is_cancelled()) throw std::logic_error("not cancelled");
                }
                if (unwound.load() > 5) throw std::logic_error("unwound twice");
                held.unlock();
                if (!lock.try_lock()) throw std::logic_error("the mutex is still held");
                lock.unlock();
                signal.notify_one();
                signal.wait();
                changed.notify_all();
                (void)never_ends.abort_and_join();
            }
        });
        CHECK(tracked::alive() == 0);
    }
}
