// The heap of deadlines: order, cancelling any of them, and the race of a deadline with a waker.
#include "timers/timer_heap.hpp"

#include "chance.hpp"
#include "loose_task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1h};

// Tasks that wait, as far as a heap can see.
struct sleepers {
    explicit sleepers(std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            tasks.emplace_back(i);
            (void)tasks.back()->state.start();
        }
    }
    ~sleepers() {
        for (auto const& t : tasks)
            if (t->timer != nullptr) t->timer->heap->disarm(*t);
    }
    task& operator[](std::size_t i) { return *tasks[i]; }

    bool arm(timer_heap& heap, std::size_t i, time_point until) {
        bool earlier = false;
        REQUIRE(heap.can_arm());
        auto const result = heap.arm(*tasks[i], tasks[i]->state.generation(), true, until, earlier);
        REQUIRE(result == task_state::park_result::parked);
        return earlier;
    }
    // What a waker and then the task do.
    void wake(timer_heap& heap, std::size_t i) {
        auto& t = *tasks[i];
        REQUIRE(t.state.claim(t.state.generation(), task_state::outcome::woken) == task_state::claim_result::submit_it);
        heap.disarm(t);
        REQUIRE(t.timer == nullptr);
    }
    std::vector<loose_task> tasks;
};

}  // namespace

TEST_CASE("timer_heap: fires what is due, in the order of the deadlines, and publishes the first") {
    RAMIE_CAPTURE_SEED();
    for (std::size_t n : {1u, 2u, 5u, 100u, 2000u}) {
        CAPTURE(n);
        timer_heap heap;
        sleepers all(n);
        chance dice(n);
        CHECK(heap.first() == never);
        std::vector<time_point> when(n);
        auto first = never;
        for (std::size_t i = 0; i < n; ++i) {
            when[i] = start + std::chrono::microseconds(dice.below(n));  // equal ones among them
            bool const earlier = all.arm(heap, i, when[i]);
            REQUIRE(earlier == (when[i] < first));
            first = std::min(first, when[i]);
            REQUIRE(heap.first() == first);
        }
        CHECK(heap.fire(start - 1ns).count == 0);
        auto before = start;
        std::size_t fired = 0;
        for (auto now = start; fired < n; now += 7us) {
            auto due = heap.fire(now);
            fired += due.count;
            while (auto* const t = due.take()) {
                REQUIRE(when[t->id()] >= before);
                REQUIRE(when[t->id()] <= now);
                before = when[t->id()];
                REQUIRE(t->timer == nullptr);
                REQUIRE(t->state.last_outcome() == task_state::outcome::deadline);
            }
            REQUIRE(heap.first() > now);
        }
        CHECK(heap.first() == never);
    }
}

TEST_CASE("timer_heap: any armed deadline can be cancelled, in any order, and the rest fires in order") {
    RAMIE_CAPTURE_SEED();
    chance dice(1);
    for (int round = 0; round < 50; ++round) {
        std::size_t const n = 1 + dice.below(60);
        timer_heap heap;
        sleepers all(n);
        std::vector<time_point> when(n);
        std::vector<bool> gone(n);
        std::vector<std::size_t> order(n);
        for (std::size_t i = 0; i < n; ++i) {
            all.arm(heap, i, when[i] = start + std::chrono::nanoseconds(dice.below(40)));
            order[i] = i;
            std::swap(order[i], order[dice.below(i + 1)]);
        }
        auto const cancelled = dice.below(n + 1);
        for (std::size_t i = 0; i < cancelled; ++i) {
            all.wake(heap, order[i]);
            gone[order[i]] = true;
            auto first = never;
            for (std::size_t k = 0; k < n; ++k)
                if (!gone[k]) first = std::min(first, when[k]);
            REQUIRE(heap.first() == first);
        }
        auto due = heap.fire(start + 1s);
        CHECK(due.count == n - cancelled);
        auto before = start;
        while (auto* const t = due.take()) {
            REQUIRE_FALSE(gone[t->id()]);
            REQUIRE(when[t->id()] >= before);
            before = when[t->id()];
        }
    }
}

TEST_CASE("timer_heap: a deadline that comes after a waker is nothing, and leaves its node to the task") {
    timer_heap heap;
    sleepers all(1);
    all.arm(heap, 0, start);
    CHECK(all[0].state.claim(all[0].state.generation(), task_state::outcome::woken) ==
          task_state::claim_result::submit_it);
    CHECK(heap.fire(start).count == 0);
    CHECK(heap.first() == never);
    REQUIRE(all[0].timer != nullptr);
    CHECK(all[0].state.last_outcome() == task_state::outcome::woken);
    heap.disarm(all[0]);
    CHECK(all[0].timer == nullptr);
}

TEST_CASE("timer_heap: a wait that was claimed before it parked is armed all the same, and disarmed by the task") {
    timer_heap heap;
    sleepers all(1);
    auto const g = all[0].state.generation();
    CHECK(all[0].state.claim(g, task_state::outcome::woken) == task_state::claim_result::nothing_more);
    bool earlier = false;
    REQUIRE(heap.can_arm());
    CHECK(heap.arm(all[0], g, true, start, earlier) == task_state::park_result::resume_now);
    CHECK(heap.fire(start + 1s).count == 0);
    heap.disarm(all[0]);
    CHECK(heap.first() == never);
    CHECK(all[0].timer == nullptr);
}

TEST_CASE("timer_heap: deadline and waker race for each wait, and exactly one of them gets it") {
    RAMIE_CAPTURE_SEED();
    constexpr std::size_t n = 16;
    timer_heap heap;
    sleepers all(n);
    std::atomic<bool> done{false};
    // Set by whoever fires, cleared by the waker, which plays the tasks as well.
    std::vector<std::atomic<int>> fired(n);
    std::size_t wakes = 0, deadlines = 0;
    auto const waits = rounds(300'000);
    std::atomic<std::int64_t> clock{0};
    {
        std::vector<std::jthread> firing;
        for (int i = 0; i < 2; ++i) {
            firing.emplace_back([&] {
                while (!done.load(std::memory_order_acquire)) {
                    auto due = heap.fire(start + std::chrono::nanoseconds(clock.fetch_add(1)));
                    while (auto* const t = due.take()) fired[t->id()].fetch_add(1, std::memory_order_release);
                }
            });
        }
        chance dice(1);
        std::vector<bool> waiting(n);
        std::vector<std::uint64_t> generation(n);
        // On a busy machine the firing threads may come late; until they have won once there was no race.
        for (std::size_t w = 0; w < waits || deadlines == 0;) {
            auto const i = dice.below(n);
            if (!waiting[i]) {
                generation[i] = all[i].state.generation();
                all.arm(heap, i, start + std::chrono::nanoseconds(clock.load() + static_cast<std::int64_t>(dice.below(30))));
                waiting[i] = true;
            } else if (fired[i].load(std::memory_order_acquire) == 1) {
                fired[i].store(0, std::memory_order_relaxed);
                waiting[i] = false;
                ++deadlines, ++w;
            } else if (all[i].state.claim(generation[i], task_state::outcome::woken) ==
                       task_state::claim_result::submit_it) {
                heap.disarm(all[i]);
                waiting[i] = false;
                ++wakes, ++w;
            }
        }
        done.store(true, std::memory_order_release);
    }
    std::size_t twice = 0;
    for (auto const& f : fired) twice += f.load() > 1;
    CHECK(twice == 0);
    CHECK(wakes > 0);
    CHECK(deadlines > 0);
}

TEST_CASE("timer_heap: memory of a burst goes back when no second one came, and not before") {
    timer_heap heap;
    constexpr std::size_t n = 50'000;
    sleepers all(n);
    for (std::size_t i = 0; i < n; ++i) all.arm(heap, i, start + std::chrono::milliseconds(i));
    for (std::size_t i = 1; i < n; ++i) all.wake(heap, i);
    CHECK(heap.capacity() >= n);
    CHECK(heap.trim());  // they were needed at once since the last one
    CHECK(heap.capacity() >= n);
    CHECK_FALSE(heap.trim());
    CHECK(heap.capacity() <= 1024);
    CHECK(heap.first() == start);
    all.wake(heap, 0);
    CHECK_FALSE(heap.trim());
}

TEST_CASE("timer_heap: one that waits on keeps its own block of nodes, not all before it") {
    timer_heap heap;
    constexpr std::size_t n = 20'000;
    sleepers all(n);
    for (std::size_t i = 0; i < n; ++i) all.arm(heap, i, start + std::chrono::milliseconds(i));
    for (std::size_t i = 0; i + 1 < n; ++i) all.wake(heap, i);
    (void)heap.trim();
    (void)heap.trim();
    // The table of places goes by the highest number.
    CHECK(heap.nodes() <= 2 * 256);
    // It may be joined by others, whose nodes are made anew.
    sleepers more(5'000);
    for (std::size_t i = 0; i < 5'000; ++i) more.arm(heap, i, start);
    CHECK(heap.nodes() < 6'000);
    auto due = heap.fire(start);
    CHECK(due.count == 5'000);
    all.wake(heap, n - 1);
    (void)heap.trim();
    CHECK_FALSE(heap.trim());
    CHECK(heap.capacity() <= 1024);
}

TEST_CASE("timer_heap: order and every deadline survive being trimmed at any time") {
    RAMIE_CAPTURE_SEED();
    chance dice(3);
    timer_heap heap;
    constexpr std::size_t n = 3'000;
    sleepers all(n);
    std::vector<bool> armed(n);
    std::vector<time_point> until(n);
    std::size_t fired = 0, woken = 0, count = 0;
    for (std::size_t step = 0; step < 60; ++step) {
        for (std::size_t i = step * 50; i < step * 50 + 50; ++i) {
            until[i] = start + std::chrono::milliseconds(dice.below(4'000));
            all.arm(heap, i, until[i]);
            armed[i] = true;
            ++count;
        }
        for (std::size_t i = 0; i < n; ++i) {
            if (!armed[i] || dice.below(10) != 0) continue;
            all.wake(heap, i);
            armed[i] = false;
            ++woken;
        }
        (void)heap.trim();
        auto const now = start + std::chrono::milliseconds(step * 20);
        auto due = heap.fire(now);
        while (auto* const t = due.take()) {
            REQUIRE(armed[t->id()]);
            REQUIRE(until[t->id()] <= now);
            armed[t->id()] = false;
            ++fired;
        }
        auto least = never;
        for (std::size_t i = 0; i < n; ++i)
            if (armed[i]) least = std::min(least, until[i]);
        REQUIRE(heap.first() == least);
    }
    CHECK(fired + woken + static_cast<std::size_t>(std::count(armed.begin(), armed.end(), true)) == count);
}
