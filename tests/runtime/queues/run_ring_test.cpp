// The ring of woken tasks: first in, first out; thieves take half; indices that run over 2^32.
#include "queues/run_ring.hpp"

#include "chance.hpp"
#include "loose_task.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;

namespace {

// The ring's indices are private and start at 0. Explicit instantiation may name private members, so this sets them
// without 2^32 pushes.
template <auto Head, auto Tail>
struct set_indices {
    friend void start_at(run_ring& ring, std::uint32_t index) {
        (ring.*Head).store(index);
        (ring.*Tail).store(index);
    }
};
void start_at(run_ring& ring, std::uint32_t index);
template struct set_indices<&run_ring::head_, &run_ring::tail_>;

std::vector<loose_task> make_tasks(std::size_t n) {
    std::vector<loose_task> tasks;
    for (std::size_t i = 0; i < n; ++i) tasks.emplace_back(i);
    return tasks;
}

constexpr std::uint32_t starts[] = {0u, 0u - 1u, 0u - 100u, 0u - run_ring::capacity};

}  // namespace

TEST_CASE("run_ring: first in, first out, across the wrap of the indices") {
    auto const tasks = make_tasks(run_ring::capacity);
    for (bool is_alone : {false, true}) {
        for (auto start : starts) {
            CAPTURE(is_alone);
            CAPTURE(start);
            solitude alone(is_alone);
            run_ring ring(alone);
            start_at(ring, start);
            CHECK(ring.empty());
            CHECK(ring.pop() == nullptr);
            for (std::uint32_t i = 0; i < 1000; ++i) {
                REQUIRE(ring.push(*tasks[(2 * i) % tasks.size()]));
                REQUIRE(ring.push(*tasks[(2 * i + 1) % tasks.size()]));
                REQUIRE(ring.size() == 2);
                REQUIRE(ring.pop()->id() == (2 * i) % tasks.size());
                REQUIRE(ring.pop()->id() == (2 * i + 1) % tasks.size());
            }
            CHECK(ring.empty());
        }
    }
}

TEST_CASE("run_ring: holds its capacity and then refuses") {
    auto const tasks = make_tasks(run_ring::capacity + 1);
    for (auto start : starts) {
        CAPTURE(start);
        solitude alone(false);
        run_ring ring(alone);
        start_at(ring, start);
        for (std::uint32_t i = 0; i < run_ring::capacity; ++i) REQUIRE(ring.push(*tasks[i]));
        CHECK(ring.room() == 0);
        CHECK_FALSE(ring.push(*tasks[run_ring::capacity]));
        CHECK(ring.pop()->id() == 0);
        CHECK(ring.room() == 1);
        CHECK(ring.push(*tasks[run_ring::capacity]));
        for (std::uint32_t i = 1; i <= run_ring::capacity; ++i) REQUIRE(ring.pop()->id() == i);
        CHECK(ring.pop() == nullptr);
    }
}

TEST_CASE("run_ring: a thief takes the older half, rounded up, and keeps the order") {
    auto const tasks = make_tasks(run_ring::capacity);
    for (auto start : starts) {
        for (std::uint32_t n : {0u, 1u, 2u, 5u, run_ring::capacity - 1, run_ring::capacity}) {
            CAPTURE(start);
            CAPTURE(n);
            solitude alone(false);
            run_ring victim(alone), mine(alone);
            start_at(victim, start);
            start_at(mine, start + 77);
            for (std::uint32_t i = 0; i < n; ++i) REQUIRE(victim.push(*tasks[i]));
            auto* const first = victim.steal_into(mine);
            auto const taken = n - n / 2;
            if (n == 0) {
                CHECK(first == nullptr);
                continue;
            }
            REQUIRE(first != nullptr);
            CHECK(first->id() == 0);
            CHECK(mine.size() == taken - 1);
            CHECK(victim.size() == n - taken);
            for (std::uint32_t i = 1; i < taken; ++i) REQUIRE(mine.pop()->id() == i);
            for (std::uint32_t i = taken; i < n; ++i) REQUIRE(victim.pop()->id() == i);
        }
    }
}

TEST_CASE("run_ring: owner and thieves, who steal from each other too, take every entry exactly once") {
    RAMIE_CAPTURE_SEED();
    auto const tasks = make_tasks(rounds(400'000));
    constexpr std::size_t thieves = 3;
    solitude alone(false);
    std::vector<std::unique_ptr<run_ring>> rings;  // the owner's, then the thieves'
    for (std::size_t i = 0; i <= thieves; ++i) {
        rings.push_back(std::make_unique<run_ring>(alone));
        start_at(*rings.back(), 0u - 1000u);
    }
    std::vector<std::atomic<int>> taken(tasks.size());
    std::atomic<std::size_t> sum{0};
    auto const note = [&](task* t) {
        if (t == nullptr) return;
        taken[t->id()].fetch_add(1, std::memory_order_relaxed);
        sum.fetch_add(1, std::memory_order_relaxed);
    };
    {
        std::vector<std::jthread> others;
        for (std::size_t self = 1; self <= thieves; ++self) {
            others.emplace_back([&, self] {
                chance dice(self);
                while (sum.load(std::memory_order_relaxed) < tasks.size()) {
                    auto const victim = dice.below(thieves + 1);
                    if (victim == self) continue;
                    note(rings[victim]->steal_into(*rings[self]));  // as workers do: only when the own one is empty
                    if (dice.one_in(2)) std::this_thread::yield();  // lets others steal what was stolen
                    while (auto* const t = rings[self]->pop()) note(t);
                }
            });
        }
        chance dice(0);
        for (std::size_t i = 0; i < tasks.size();) {
            for (auto n = 1 + dice.below(300); n > 0 && i < tasks.size(); --n)
                if (rings[0]->push(*tasks[i])) ++i;
                else note(rings[0]->pop());
            for (auto n = dice.below(150); n > 0; --n) note(rings[0]->pop());
        }
        while (auto* const t = rings[0]->pop()) note(t);
    }
    std::size_t not_once = 0;
    for (auto const& n : taken) not_once += n.load() != 1;
    CHECK(not_once == 0);
    CHECK(sum.load() == tasks.size());
}
