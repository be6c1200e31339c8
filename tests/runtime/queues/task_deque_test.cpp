// The deque of unstarted tasks: the owner takes the newest, thieves the oldest, every entry goes to exactly one.
#include "queues/task_deque.hpp"

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

// How often each of n tasks was taken.
class tally {
  public:
    explicit tally(std::size_t n) : taken_(n) {}
    void note(task* t) noexcept {
        if (t != nullptr) taken_[t->id()].fetch_add(1, std::memory_order_relaxed);
    }
    std::size_t not_once() const {
        std::size_t n = 0;
        for (auto const& c : taken_) n += c.load(std::memory_order_relaxed) != 1;
        return n;
    }

  private:
    std::vector<std::atomic<int>> taken_;
};

}  // namespace

TEST_CASE("task_deque: the owner takes the newest, a thief the oldest") {
    for (bool is_alone : {false, true}) {
        CAPTURE(is_alone);
        solitude alone(is_alone);
        task_deque deque(alone);
        auto const tasks = make_tasks(4);
        for (auto const& t : tasks) REQUIRE(deque.push(*t));
        CHECK(deque.size() == 4);
        CHECK(deque.pop()->id() == 3);
        CHECK(deque.steal()->id() == 0);
        CHECK(deque.pop()->id() == 2);
        CHECK_FALSE(deque.empty());
        CHECK(deque.pop()->id() == 1);
        CHECK(deque.empty());
        CHECK(deque.pop() == nullptr);
        CHECK(deque.steal() == nullptr);
        CHECK(deque.pop() == nullptr);
        REQUIRE(deque.push(*tasks[0]));
        CHECK(deque.pop()->id() == 0);
    }
}

TEST_CASE("task_deque: a task is taken out of turn only if it is the newest") {
    solitude alone(false);
    task_deque deque(alone);
    auto const tasks = make_tasks(2);
    CHECK_FALSE(deque.pop_if_newest(*tasks[0]));
    REQUIRE(deque.push(*tasks[0]));
    REQUIRE(deque.push(*tasks[1]));
    CHECK_FALSE(deque.pop_if_newest(*tasks[0]));
    CHECK(deque.size() == 2);
    CHECK(deque.pop_if_newest(*tasks[1]));
    CHECK(deque.pop_if_newest(*tasks[0]));
    CHECK(deque.empty());
}

TEST_CASE("task_deque: grows while entries are taken from both ends, and keeps their order") {
    for (bool is_alone : {false, true}) {
        CAPTURE(is_alone);
        solitude alone(is_alone);
        task_deque deque(alone);
        auto const tasks = make_tasks(5000);
        for (std::size_t i = 0; i < 100; ++i) REQUIRE(deque.push(*tasks[i]));
        for (std::size_t i = 0; i < 60; ++i) REQUIRE(deque.steal()->id() == i);  // the live part wraps round the buffer
        for (std::size_t i = 100; i < tasks.size(); ++i) REQUIRE(deque.push(*tasks[i]));
        CHECK(deque.size() == tasks.size() - 60);
        for (std::size_t i = 60; i < 2000; ++i) REQUIRE(deque.steal()->id() == i);
        for (std::size_t i = tasks.size(); i-- > 2000;) REQUIRE(deque.pop()->id() == i);
        CHECK(deque.empty());
    }
}

TEST_CASE("task_deque: owner and thieves take every entry exactly once, while it grows and runs empty") {
    RAMIE_CAPTURE_SEED();
    auto const tasks = make_tasks(rounds(400'000));
    for (unsigned thieves : {1u, 3u}) {
        CAPTURE(thieves);
        solitude alone(false);
        task_deque deque(alone);
        tally taken(tasks.size());
        std::atomic<bool> done{false};
        {
            std::vector<std::jthread> others;
            for (unsigned i = 0; i < thieves; ++i) {
                others.emplace_back([&] {
                    while (!done.load(std::memory_order_acquire) || !deque.empty()) taken.note(deque.steal());
                });
            }
            chance dice(thieves);
            for (std::size_t i = 0; i < tasks.size();) {
                // Mostly around empty, where the last entry is fought over; now and then a burst, which makes it grow.
                auto const burst = dice.one_in(1000) ? 3000 : 1 + dice.below(3);
                for (std::size_t n = 0; n < burst && i < tasks.size(); ++n) (void)deque.push(*tasks[i++]);
                for (auto n = dice.below(4); n > 0; --n) taken.note(deque.pop());
            }
            while (auto* const t = deque.pop()) taken.note(t);
            done.store(true, std::memory_order_release);
        }
        CHECK(taken.not_once() == 0);
    }
}

TEST_CASE("task_deque: the last entry goes to the owner or to one thief, never to both") {
    auto const tasks = make_tasks(1);
    solitude alone(false);
    task_deque deque(alone);
    std::atomic<std::size_t> stolen{0};
    std::size_t kept = 0;
    auto const n = rounds(1'000'000);
    std::atomic<bool> done{false};
    {
        std::jthread thief([&] {
            while (!done.load(std::memory_order_acquire))
                if (deque.steal() != nullptr) stolen.fetch_add(1, std::memory_order_relaxed);
        });
        for (std::size_t i = 0; i < n; ++i) {
            (void)deque.push(*tasks[0]);
            if (deque.pop() != nullptr) ++kept;
        }
        while (!deque.empty()) std::this_thread::yield();
        done.store(true, std::memory_order_release);
    }
    CHECK(kept + stolen.load() == n);
}

TEST_CASE("task_deque: the newest can be claimed by name, and nothing else can") {
    auto const tasks = make_tasks(300);
    for (bool const is_alone : {false, true}) {
        CAPTURE(is_alone);
        solitude alone(is_alone);
        task_deque deque(alone);
        CHECK_FALSE(deque.pop_if_newest(*tasks[0]));
        for (auto const& t : tasks) REQUIRE(deque.push(*t));  // grows
        CHECK_FALSE(deque.pop_if_newest(*tasks[298]));
        CHECK_FALSE(deque.pop_if_newest(*tasks[0]));
        CHECK(deque.pop_if_newest(*tasks[299]));
        CHECK_FALSE(deque.pop_if_newest(*tasks[299]));
        CHECK(deque.steal()->id() == 0);
        CHECK(deque.pop()->id() == 298);
        CHECK(deque.size() == 297);
    }
}

TEST_CASE("task_deque: memory of a burst goes back when no second one came, with and without thieves") {
    for (bool is_alone : {false, true}) {
        CAPTURE(is_alone);
        solitude alone(is_alone);
        task_deque deque(alone);
        constexpr std::size_t n = 100'000;
        auto const tasks = make_tasks(n);
        for (int round = 0; round < 3; ++round) {
            for (auto const& t : tasks) REQUIRE(deque.push(*t));
            CHECK(deque.capacity() >= n);
            for (std::size_t i = n; i-- > 5;) REQUIRE(deque.pop() == &*tasks[i]);
            CHECK(deque.trim());  // it has just grown
            CHECK(deque.capacity() >= n);
            CHECK_FALSE(deque.trim());
            CHECK(deque.capacity() <= 512);
            for (std::size_t i = 0; i < 5; ++i) REQUIRE(deque.steal() == &*tasks[i]);
            CHECK(deque.steal() == nullptr);
            CHECK(deque.pop() == nullptr);
        }
    }
}

TEST_CASE("task_deque: every entry goes to exactly one while it grows and is trimmed under thieves' hands") {
    RAMIE_CAPTURE_SEED();
    auto const n = rounds(200'000);
    auto const tasks = make_tasks(n);
    tally taken(n);
    solitude alone(false);
    task_deque deque(alone);
    std::atomic<bool> over{false};
    std::vector<std::thread> thieves;
    for (int i = 0; i < 3; ++i)
        thieves.emplace_back([&] {
            while (!over.load()) taken.note(deque.steal());
            while (auto* const t = deque.steal()) taken.note(t);
        });
    chance dice(5);
    std::size_t next = 0;
    while (next < n) {
        for (auto burst = dice.below(3'000); burst > 0 && next < n; --burst) REQUIRE(deque.push(*tasks[next++]));
        for (auto some = dice.below(3'000); some > 0; --some) taken.note(deque.pop());
        (void)deque.trim();
    }
    while (auto* const t = deque.pop()) taken.note(t);
    over = true;
    for (auto& t : thieves) t.join();
    while (auto* const t = deque.steal()) taken.note(t);
    CHECK(taken.not_once() == 0);
}
