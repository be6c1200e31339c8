// The table of unfinished tasks: what walkers see, what is counted, and where slots go.
#include "loose_task.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/detail/live_table.hpp>
#include <ramie/mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::detail::live_table;
using ramie::detail::task;

namespace {

std::set<ramie::task_id> ids_in(live_table& table) {
    std::set<ramie::task_id> ids;
    table.for_each([&](task& t) { ids.insert(t.id()); });
    return ids;
}

}  // namespace

TEST_CASE("live table: a walk finds what was spawned and has not ended, once each") {
    one_thread_carrier carrier;
    std::vector<ramie::join_handle<void>> tasks;
    std::set<ramie::task_id> wanted;
    for (int i = 0; i < 1000; ++i) tasks.push_back(ramie::spawn([i] {
        if (i % 2 == 0) ramie::this_fiber::sleep_for(1h);
    }));
    CHECK(carrier.live() == 1000);
    CHECK(ids_in(carrier.tasks()).size() == 1000);
    carrier.drain();
    for (std::size_t i = 0; i < 1000; i += 2) wanted.insert(tasks[i].id());
    CHECK(carrier.live() == 500);
    CHECK(ids_in(carrier.tasks()) == wanted);
    carrier.run();
    CHECK(carrier.live() == 0);
    CHECK(ids_in(carrier.tasks()).empty());
}

TEST_CASE("live table: a task may end on another thread than it began") {
    one_thread_carrier carrier;
    for (int round = 0; round < 3; ++round) {
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 2000; ++i) tasks.push_back(ramie::spawn([] {}));
        // Cancelled, and so ended, on a plain thread: its slots go to the foreign share, and on through the pool.
        std::thread([&] {
            for (auto& t : tasks) t.abort();
        }).join();
        CHECK(carrier.live() == 0);
        CHECK(ids_in(carrier.tasks()).empty());
        carrier.drain();
    }
}

TEST_CASE("live table: what a walker takes a reference of stays") {
    one_thread_carrier carrier;
    std::vector<ramie::abort_handle> kept;
    for (int i = 0; i < 10; ++i) ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
    carrier.drain();
    carrier.tasks().for_each([&](task& t) { kept.emplace_back(&t); });
    CHECK(kept.size() == 10);
    for (auto const& k : kept) k.abort();
    carrier.drain();
    CHECK(std::all_of(kept.begin(), kept.end(), [](auto const& k) { return k.is_finished(); }));
}

TEST_CASE("live table: while a watcher is set, each end counts for it") {
    one_thread_carrier carrier;
    std::atomic<std::uint32_t> ended{0};
    carrier.tasks().watch(&ended);
    for (int i = 0; i < 5; ++i) ramie::spawn([] {}).detach();
    carrier.drain();
    CHECK(ended.load() == 5);
    carrier.tasks().watch(nullptr);
    ramie::spawn([] {}).detach();
    carrier.drain();
    CHECK(ended.load() == 5);
}

TEST_CASE("live table: walkers and ending tasks at the same time") {
    one_thread_carrier carrier;
    std::atomic<bool> done{false};
    std::atomic<std::size_t> seen{0};
    std::jthread const walker([&] {
        while (!done) {
            std::vector<ramie::abort_handle> kept;
            kept.reserve(64);
            carrier.tasks().for_each([&](task& t) {
                seen += t.id() != 0;
                if (kept.size() < kept.capacity()) kept.emplace_back(&t);
            });
        }
    });
    while (seen.load() < 10'000) {
        for (int i = 0; i < 100; ++i) ramie::spawn([] { ramie::this_fiber::yield(); }).detach();
        carrier.drain();
    }
    done = true;
}
