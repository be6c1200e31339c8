// Queues whose owner has them to itself until company comes, and again when it has gone.
#include "chance.hpp"
#include "loose_task.hpp"
#include "queues/run_ring.hpp"
#include "queues/task_deque.hpp"

#include <ramie/detail/fence/solitude.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;

TEST_CASE("solitude: the thread that brings company sees whether the owner is inside, and the owner sees company") {
    solitude mine(true);
    CHECK_FALSE(mine.has_ended());
    CHECK(mine.needs_no_wake());
    REQUIRE(mine.enter());
    CHECK_FALSE(mine.end());  // not now
    CHECK(mine.has_ended());  // but it is expected
    CHECK_FALSE(mine.is_in_company());
    CHECK_FALSE(mine.needs_no_wake());
    mine.leave();
    CHECK_FALSE(mine.enter());
    CHECK(mine.end());
    CHECK(mine.is_in_company());
    CHECK_FALSE(mine.enter());
    CHECK_FALSE(mine.needs_no_wake());
    CHECK(mine.end());  // once is enough
    mine.begin();
    CHECK_FALSE(mine.has_ended());
    CHECK(mine.enter());
    mine.leave();
    solitude never_alone(false);
    CHECK(never_alone.is_in_company());
    CHECK_FALSE(never_alone.enter());
    CHECK_FALSE(never_alone.needs_no_wake());
}

namespace {

// An owner takes what it puts in; a thief comes in company now and then, by the protocol, and takes what it can. Each task
// must be had once. What matters are the moments when company comes, so it comes often.
template <class Queue, class Put, class Steal>
void shared_now_and_then(solitude& alone, Queue& queue, Put put, Steal steal) {
    auto const count = rounds(200'000);
    std::vector<loose_task> tasks;
    constexpr std::size_t different = 1024;
    for (std::size_t i = 0; i < different; ++i) tasks.emplace_back(i);
    std::vector<std::atomic<int>> out(different);  // in the queue: 1
    std::atomic<std::size_t> had{0}, stolen{0};
    std::mutex crew;
    bool in_company = false;  // under crew
    std::atomic<bool> done{false}, twice{false};
    auto const have = [&](task& t) {
        if (out[t.id()].exchange(0, std::memory_order_acq_rel) != 1) twice = true;
        ++had;
    };
    std::jthread company([&] {
        chance dice(1);
        while (!done) {
            {
                std::lock_guard const held(crew);
                in_company = alone.end();
                if (!in_company) continue;
            }
            for (auto n = dice.below(50); n > 0; --n) {
                if (auto* const t = steal(queue)) {
                    have(*t);
                    ++stolen;
                }
            }
            {
                std::lock_guard const held(crew);
                in_company = false;
            }
            for (auto pause = dice.below(200); pause > 0; --pause) cpu_pause();
        }
    });
    chance dice(2);
    std::size_t next = 0;
    for (std::size_t given = 0; given < count || stolen == 0;) {
        for (auto n = dice.below(8); n > 0; --n) {
            auto const id = next++ % different;
            if (out[id].load(std::memory_order_acquire) != 0) continue;
            out[id].store(1, std::memory_order_release);
            if (put(queue, *tasks[id])) ++given;
            else out[id].store(0, std::memory_order_release);
        }
        for (auto n = dice.below(9); n > 0; --n)
            if (auto* const t = queue.pop()) have(*t);
        std::unique_lock const held(crew, std::try_to_lock);
        if (held.owns_lock() && !in_company) alone.begin();
    }
    done = true;
    company.join();
    while (auto* const t = queue.pop()) have(*t);
    CHECK_FALSE(twice.load());
    for (auto const& o : out) CHECK(o.load() == 0);
    CHECK(stolen.load() > 0);
}

}  // namespace

TEST_CASE("solitude: a ring that is shared now and then gives each task once") {
    solitude alone(true);
    run_ring ring(alone);
    shared_now_and_then(
        alone, ring, [](run_ring& r, task& t) { return r.push(t); }, [](run_ring& r) { return r.steal(); });
}

TEST_CASE("solitude: a deque that is shared now and then gives each task once") {
    solitude alone(true);
    task_deque deque(alone);
    shared_now_and_then(
        alone, deque, [](task_deque& d, task& t) { return d.push(t); }, [](task_deque& d) { return d.steal(); });
}
