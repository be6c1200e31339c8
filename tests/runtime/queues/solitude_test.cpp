// Queues whose owner has them to itself until company comes, and again when it has gone.
#include "queues/solitude.hpp"

#include "chance.hpp"
#include "loose_task.hpp"
#include "queues/run_ring.hpp"
#include "queues/task_deque.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;

TEST_CASE("solitude: whoever brings company sees whether the owner is inside, and the owner sees company") {
    solitude mine(true);
    REQUIRE(mine.enter());
    CHECK(mine.owner_is_inside());
    mine.end();
    CHECK(mine.owner_is_inside());  // not now
    mine.leave();
    CHECK_FALSE(mine.owner_is_inside());
    CHECK_FALSE(mine.enter());
    CHECK_FALSE(mine.owner_is_inside());
    mine.begin();
    CHECK(mine.enter());
    mine.leave();
    solitude never_alone(false);
    CHECK_FALSE(never_alone.enter());
}

namespace {

// An owner takes what it puts in; a thief comes in company now and then, by the protocol, and takes what it can. Each task
// must be had once. What matters are the moments when company comes, so it comes often.
template <class Queue, class Put, class Steal>
void shared_now_and_then(Queue& queue, Put put, Steal steal) {
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
                queue.alone().end();
                heavy_fence_for_compiler_fence();
                in_company = !queue.alone().owner_is_inside();
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
        if (held.owns_lock() && !in_company) queue.alone().begin();
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
    run_ring ring(true);
    shared_now_and_then(
        ring, [](run_ring& r, task& t) { return r.push(t); }, [](run_ring& r) { return r.steal(); });
}

TEST_CASE("solitude: a deque that is shared now and then gives each task once") {
    task_deque deque(true);
    shared_now_and_then(
        deque, [](task_deque& d, task& t) { return d.push(t); }, [](task_deque& d) { return d.steal(); });
}
