// The table of unfinished tasks: what walkers see, what is counted, and where slots go.
#include "loose_task.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/detail/task/live_table.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
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
    carrier.tasks().for_each([&](task& t) { kept.push_back(ramie::detail::access::make<ramie::abort_handle>(&t)); });
    CHECK(kept.size() == 10);
    for (auto const& k : kept) k.abort();
    carrier.drain();
    CHECK(std::all_of(kept.begin(), kept.end(), [](auto const& k) { return k.is_finished(); }));
}

TEST_CASE("live table: a walker may do with the tasks what it likes: end them, spawn others") {
    one_thread_carrier carrier;
    for (int i = 0; i < 1000; ++i) ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
    carrier.drain();
    carrier.tasks().for_each([&](task& t) {
        ramie::spawn([] {}).detach();
        t.abort();
        carrier.drain();
    });
    CHECK(carrier.live() == 0);
}

TEST_CASE("live table: it is over once all have finished, not when the last one has left the table") {
    one_thread_carrier carrier;
    CHECK(carrier.tasks().is_over());
    ramie::notify gate;
    auto task = ramie::spawn([&] { gate.wait(); });
    CHECK_FALSE(carrier.tasks().is_over());
    carrier.drain();
    CHECK_FALSE(carrier.tasks().is_over());
    gate.notify_one();
    carrier.drain();
    CHECK(carrier.tasks().is_over());

    // The step between the two: off the table, and back on it.
    live_table table;
    live_table::share mine;
    mine.join(table);
    auto* const loose = ramie::detail::make_task(std::source_location::current(), [] {});
    mine.add(*loose);
    mine.remove(*loose);
    CHECK(table.size() == 0);
    CHECK_FALSE(table.is_over());
    mine.add(*loose);
    CHECK(table.size() == 1);
    CHECK_FALSE(table.is_over());
    CHECK(loose->state.start() == ramie::detail::task_state::start_result::run_it);
    loose->cancel();
    loose->drop_handle();
    mine.concluded();
    CHECK(table.size() == 0);
    CHECK(table.is_over());
}

TEST_CASE("live table: a listener hears of each task that ends on a thread without a lane, and of no other") {
    struct counts final : live_table::end_listener {
        void something_ended() noexcept override { ++ended; }
        int ended = 0;
    } listener;
    one_thread_carrier carrier;
    carrier.tasks().listen(&listener);
    for (int i = 0; i < 5; ++i) ramie::spawn([] {}).detach();
    carrier.drain();
    CHECK(listener.ended == 0);
    auto const abort_elsewhere = [] {
        auto unstarted = ramie::spawn([] {});
        std::thread([&] { unstarted.abort(); }).join();
    };
    abort_elsewhere();
    CHECK(listener.ended == 1);
    carrier.tasks().listen(nullptr);
    abort_elsewhere();
    CHECK(listener.ended == 1);
    carrier.drain();
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
                if (kept.size() < kept.capacity()) kept.push_back(ramie::detail::access::make<ramie::abort_handle>(&t));
            });
        }
    });
    while (seen.load() < 10'000) {
        for (int i = 0; i < 100; ++i) ramie::spawn([] { ramie::this_fiber::yield(); }).detach();
        carrier.drain();
    }
    done = true;
}

namespace {

// As a runtime that is left alone would: until there is nothing more to give back.
int trim_all(live_table& table, live_table::time_point& now, std::chrono::steady_clock::duration decay) {
    int calls = 0;
    for (auto next = table.trim(now, decay); next != live_table::time_point::max(); next = table.trim(now, decay), ++calls) {
        REQUIRE(next > now);
        now = next;
        REQUIRE(calls < 1000);
    }
    return calls;
}

}  // namespace

TEST_CASE("live table: memory of a burst goes back after one to two decay times, and not before") {
    constexpr auto decay = 10s;
    live_table table;
    live_table::share mine;
    mine.join(table);
    auto now = std::chrono::steady_clock::now();
    (void)table.trim(now, decay);
    constexpr std::size_t n = 30'000;
    std::vector<ramie::detail::task_of<void>*> tasks;
    for (std::size_t i = 0; i < n; ++i) {
        tasks.push_back(ramie::detail::make_task(std::source_location::current(), [] {}));
        mine.add(*tasks.back());
    }
    CHECK(table.capacity() >= n);
    // In another order than they came; one stays.
    constexpr std::size_t stays = n / 2;
    for (std::size_t i = 0, at = 0; i < n; ++i, at = (at + 7919) % n)
        if (at != stays) mine.remove(*tasks[at]);
    mine.flush();
    CHECK(table.size() == 1);
    CHECK(table.trim(now, decay) == now + decay);
    CHECK(table.capacity() >= n);
    now += decay;
    (void)table.trim(now, decay);
    CHECK(table.capacity() >= n);
    now += decay;
    CHECK(trim_all(table, now, decay) > 0);
    CHECK(table.capacity() == 256);
    int seen = 0;
    table.for_each([&](task& t) { seen += &t == tasks[stays]; });
    CHECK(seen == 1);

    // The next burst finds room again, also where chunks have gone, and is walked whole.
    for (std::size_t i = 0; i < n; ++i)
        if (i != stays) mine.add(*tasks[i]);
    CHECK(table.size() == n);
    CHECK(table.capacity() >= n);
    std::set<task*> found;
    table.for_each([&](task& t) { found.insert(&t); });
    CHECK(found.size() == n);
    for (auto* t : tasks) {
        CHECK(t->state.start() == ramie::detail::task_state::start_result::run_it);
        t->cancel();
        t->drop_handle();
    }
    CHECK(table.size() == 0);
    now += decay;
    (void)trim_all(table, now, decay);
    now += 2 * decay;
    (void)trim_all(table, now, decay);
    mine.flush();
    (void)trim_all(table, now, decay);
    CHECK(table.capacity() == 0);
}

TEST_CASE("live table: a demand that comes again and again keeps its memory") {
    constexpr auto decay = 10s;
    live_table table;
    live_table::share mine;
    mine.join(table);
    std::vector<ramie::detail::task_of<void>*> tasks;
    for (int i = 0; i < 5'000; ++i) tasks.push_back(ramie::detail::make_task(std::source_location::current(), [] {}));
    auto now = std::chrono::steady_clock::now();
    for (int round = 0; round < 5; ++round) {
        for (auto* t : tasks) mine.add(*t);
        for (auto* t : tasks) mine.remove(*t);
        (void)table.trim(now += decay, decay);
        (void)table.trim(now, decay);
        CHECK(table.capacity() >= 5'000 - 512);
    }
    for (auto* t : tasks) {
        mine.add(*t);
        (void)t->state.start();
        t->cancel();
        t->drop_handle();
    }
}

TEST_CASE("live table: walked while it is trimmed, and its tasks come and go on several threads") {
    live_table table;
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            std::vector<ramie::detail::task_of<void>*> own;
            for (int round = 0; round < 20; ++round) {
                for (int k = 0; k < 2'000; ++k) {
                    own.push_back(ramie::detail::make_task(std::source_location::current(), [] {}));
                    table.add(*own.back());
                }
                for (auto* t : own) {
                    (void)t->state.start();
                    t->cancel();
                    t->drop_handle();
                }
                own.clear();
            }
        });
    std::thread walker([&] {
        while (!over) table.for_each([](task& t) { CHECK(t.listed != nullptr); });
    });
    std::thread trimmer([&] {
        auto now = std::chrono::steady_clock::now();
        while (!over) now = std::max(now + 1ms, std::min(table.trim(now, 1ms), now + 1s));
    });
    for (auto& t : threads) t.join();
    over = true;
    walker.join();
    trimmer.join();
    CHECK(table.size() == 0);
}
