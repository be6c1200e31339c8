// The injection queue: first in, first out, from any thread to any thread.
#include "queues/inject_queue.hpp"

#include "chance.hpp"
#include "loose_task.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;

namespace {

std::vector<loose_task> make_tasks(std::size_t n) {
    std::vector<loose_task> tasks;
    for (std::size_t i = 0; i < n; ++i) tasks.emplace_back(i);
    return tasks;
}

}  // namespace

TEST_CASE("inject_queue: pops the oldest, at most as many as asked for") {
    auto const tasks = make_tasks(5);
    inject_queue queue;
    CHECK(queue.pop() == nullptr);
    for (auto const& t : tasks) queue.push(*t);
    CHECK(queue.size() == 5);
    CHECK(queue.pop(0).first == nullptr);
    auto two = queue.pop(2);
    CHECK(two.count == 2);
    CHECK(two.take()->id() == 0);
    CHECK(two.take()->id() == 1);
    CHECK(two.take() == nullptr);
    CHECK(two.count == 0);
    CHECK(queue.pop()->id() == 2);
    auto rest = queue.pop(100);
    CHECK(rest.count == 2);
    CHECK(rest.take()->id() == 3);
    CHECK(rest.take()->id() == 4);
    CHECK(rest.last == nullptr);
    CHECK(queue.size() == 0);
    CHECK(queue.pop() == nullptr);
}

TEST_CASE("inject_queue: a chain is queued in one piece, behind what is there") {
    auto const tasks = make_tasks(4);
    inject_queue queue;
    queue.push(task_chain());
    CHECK(queue.size() == 0);
    queue.push(*tasks[0]);
    task_chain chain;
    chain.add(*tasks[1]);
    chain.add(*tasks[2]);
    queue.push(chain);
    queue.push(*tasks[3]);
    CHECK(queue.size() == 4);
    for (ramie::task_id i = 0; i < 4; ++i) CHECK(queue.pop()->id() == i);
}

TEST_CASE("inject_queue: many pushers and poppers pass every task on once, each pusher's in its order") {
    RAMIE_CAPTURE_SEED();
    constexpr std::size_t pushers = 3, poppers = 2;
    auto const each = rounds(100'000);
    auto const tasks = make_tasks(pushers * each);
    inject_queue queue;
    std::vector<std::atomic<int>> taken(tasks.size());
    std::atomic<std::size_t> sum{0}, disorder{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t p = 0; p < pushers; ++p) {
            threads.emplace_back([&, p] {
                chance dice(p);
                for (std::size_t i = 0; i < each;) {
                    task_chain chain;
                    for (auto n = 1 + dice.below(4); n > 0 && i < each; --n) chain.add(*tasks[p * each + i++]);
                    queue.push(chain);
                }
            });
        }
        for (std::size_t c = 0; c < poppers; ++c) {
            threads.emplace_back([&, c] {
                chance dice(100 + c);
                std::vector<std::int64_t> last(pushers, -1);
                while (sum.load(std::memory_order_relaxed) < tasks.size()) {
                    auto chain = queue.pop(1 + static_cast<std::uint32_t>(dice.below(5)));
                    while (auto* const t = chain.take()) {
                        taken[t->id()].fetch_add(1, std::memory_order_relaxed);
                        sum.fetch_add(1, std::memory_order_relaxed);
                        auto const pusher = t->id() / each;
                        auto const number = static_cast<std::int64_t>(t->id());
                        if (number < last[pusher]) disorder.fetch_add(1, std::memory_order_relaxed);
                        last[pusher] = number;
                    }
                }
            });
        }
    }
    std::size_t not_once = 0;
    for (auto const& n : taken) not_once += n.load() != 1;
    CHECK(not_once == 0);
    CHECK(disorder.load() == 0);
    CHECK(queue.size() == 0);
}
