// A simulation: one thread, virtual time, an order that the seed chooses; the same seed gives the same run.
#include "caught_stderr.hpp"
#include "failing_new.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/channel.hpp>
#include <ramie/clock.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/random.hpp>
#include <ramie/runtime.hpp>
#include <ramie/select.hpp>
#include <ramie/simulate.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using ramie::testing::explore;
using ramie::testing::simulate;
using ramie::testing::simulated_run;
using ramie::testing::simulation_failed;

namespace {

// Three tasks that each say their letter, three times.
std::string order_of_turns(std::uint64_t seed) {
    std::string said;
    simulate(seed, [&] {
        std::vector<ramie::join_handle<void>> all;
        for (char const letter : {'a', 'b', 'c'}) {
            all.push_back(ramie::spawn([&said, letter] {
                for (int i = 0; i < 3; ++i) {
                    said += letter;
                    ramie::this_fiber::yield();
                }
            }));
        }
        for (auto& each : all) each.get();
    });
    return said;
}

simulated_run logged(std::uint64_t seed, std::function<void()> const& f) {
    return simulate(seed, f, {.keep_log = true});
}

void some_of_everything() {
    auto [tx, rx] = ramie::channel<int>(1);
    auto sender = ramie::spawn({.name = "sender"}, [tx = std::move(tx)]() mutable {
        for (int i = 0; i < 5; ++i) {
            ramie::this_fiber::sleep_for(std::chrono::milliseconds(ramie::random_source().below(10)));
            if (!tx.send(i)) return;
        }
    });
    auto job = ramie::spawn_blocking([] { return 1; });
    while (rx.receive()) ramie::testing::note("received");
    (void)job.get();
    sender.get();
}

}  // namespace

TEST_CASE("simulate: which task is next is the seed's choice") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) orders.insert(order_of_turns(seed));
    CHECK(orders.size() > 10);
    CHECK(order_of_turns(7) == order_of_turns(7));
}

TEST_CASE("simulate: time is virtual, and jumps when all wait") {
    auto const before = std::chrono::steady_clock::now();
    auto const run = simulate(1, [] {
        auto const begin = ramie::steady_clock::now();
        ramie::this_fiber::sleep_for(1000h);
        auto const slept = ramie::steady_clock::now() - begin;
        CHECK(slept >= 1000h);
        CHECK(slept < 1001h);
        CHECK_FALSE(ramie::timeout(1h, [] { ramie::this_fiber::sleep_for(2h); }).has_value());
    });
    CHECK(run.nanoseconds >= std::uint64_t(3600) * 1001 * 1'000'000'000);
    CHECK(std::chrono::steady_clock::now() - before < 1h);
}

TEST_CASE("simulate: the wall clock begins in 2030, and a wait for it is a wait in virtual time") {
    simulate(1, [] {
        using namespace std::chrono;
        auto const begin = ramie::system_clock::now();
        auto const day = floor<days>(ramie::system_clock::to_sys(begin));
        CHECK(year_month_day(day) == 2030y / January / 1);
        ramie::this_fiber::sleep_until(begin + hours(30));
        CHECK(ramie::system_clock::now() >= begin + hours(30));
        CHECK(ramie::system_clock::from_sys(ramie::system_clock::to_sys(begin)) == begin);
    });
    // Elsewhere both are std's.
    auto const before = std::chrono::steady_clock::now(), between = ramie::steady_clock::now();
    CHECK(before <= between);
    CHECK(between <= std::chrono::steady_clock::now());
    auto const wall_before = std::chrono::system_clock::now();
    CHECK(wall_before <= ramie::system_clock::to_sys(ramie::system_clock::now()));
}

TEST_CASE("simulate: a task that looks at the clock in a loop sees it go on") {
    simulate(1, [] {
        auto const until = ramie::steady_clock::now() + 1ms;
        while (ramie::steady_clock::now() < until) ramie::this_fiber::yield();
    });
}

TEST_CASE("simulate: random numbers follow from the seed; outside they do not repeat") {
    auto const numbers = [](std::uint64_t seed) {
        std::vector<std::uint64_t> drawn;
        simulate(seed, [&] {
            for (int i = 0; i < 10; ++i) drawn.push_back(ramie::random_source()());
        });
        return drawn;
    };
    CHECK(numbers(3) == numbers(3));
    CHECK(numbers(3) != numbers(4));
    ramie::random_source const random;
    CHECK(random() != random());
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 300; ++i) seen.insert(random.below(3));
    CHECK(seen == std::set<std::uint64_t>{0, 1, 2});
    CHECK(random.below(0) == 0);
}

TEST_CASE("simulate: the same seed gives the same events, byte for byte; another seed gives others") {
    auto const first = logged(42, some_of_everything), second = logged(42, some_of_everything);
    CHECK(first.log == second.log);
    CHECK(first.digest == second.digest);
    CHECK(first.events > 10);
    CHECK(first.log.find("received") != std::string::npos);
    CHECK(first.log.find("task 2 \"sender\" is spawned") != std::string::npos);
    CHECK(logged(43, some_of_everything).log != first.log);
    CHECK(simulate(42, some_of_everything).log.empty());
    CHECK(simulate(42, some_of_everything).digest == first.digest);
}

TEST_CASE("simulate: a select's choice among several ready cases is the seed's, too") {
    auto const chosen = [](std::uint64_t seed) {
        std::string taken;
        simulate(seed, [&] {
            auto [tx_a, rx_a] = ramie::unbounded_channel<int>();
            auto [tx_b, rx_b] = ramie::unbounded_channel<int>();
            for (int i = 0; i < 10; ++i) (void)tx_a.try_send(i), (void)tx_b.try_send(i);
            for (int i = 0; i < 10; ++i)
                ramie::select(ramie::on_receive(rx_a, [&](auto) { taken += 'a'; }),
                              ramie::on_receive(rx_b, [&](auto) { taken += 'b'; }));
        });
        return taken;
    };
    CHECK(chosen(1) == chosen(1));
    CHECK(chosen(1) != chosen(2));
}

// The bytes themselves: a change of the choices' arithmetic, or a log that depends on the machine, shows here.
TEST_CASE("simulate: the events of a seed are the same on every machine") {
    auto const run = logged(3, [] {
        auto one = ramie::spawn({.name = "one"}, [] { ramie::this_fiber::sleep_for(1ms); });
        auto two = ramie::spawn({.name = "two"}, [] { ramie::this_fiber::yield(); });
        one.get();
        two.get();
        ramie::testing::note("drawn: " + std::to_string(ramie::random_source().below(1000)));
    });
    CHECK(run.log == 1 + R"(
      1     0.000000000  task 1 "the simulated function" is spawned
      2     0.000001000  task 1 "the simulated function" starts
      3     0.000001000  task 2 "one" is spawned
      4     0.000001000  task 3 "two" is spawned
      5     0.000002000  task 3 "two" starts
      6     0.000003000  task 3 "two" goes on
      7     0.000004000  task 2 "one" starts
      8     0.001004000  task 2 "one"'s time has come
      9     0.001005000  task 2 "one" goes on
     10     0.001005000  task 1 "the simulated function" is woken
     11     0.001006000  task 1 "the simulated function" goes on
     12     0.001006000  drawn: 369
)");
    CHECK(run.digest == 11'107'097'154'946'153'268u);
}

TEST_CASE("simulate: what f throws is thrown, and the seed and the last events are printed") {
    caught_stderr const out;
    CHECK_THROWS_WITH_AS(simulate(5,
                                  [] {
                                      ramie::testing::note("just before");
                                      throw std::runtime_error("lost");
                                  }),
                         "lost", std::runtime_error);
    auto const text = out.text();
    CHECK(text.find("ramie: a simulation failed: lost") != std::string::npos);
    CHECK(text.find("just before") != std::string::npos);
    CHECK(text.find("RAMIE_SIM_SEED=5\n") != std::string::npos);
}

TEST_CASE("simulate: of many events the last 100 are printed") {
    caught_stderr const out;
    CHECK_THROWS(simulate(5, [] {
        for (int i = 0; i < 1000; ++i) ramie::testing::note("event " + std::to_string(i) + ".");
        throw std::runtime_error("lost");
    }));
    CHECK(out.text().find(" event 999.") != std::string::npos);
    CHECK(out.text().find(" event 902.") != std::string::npos);
    CHECK(out.text().find(" event 899.") == std::string::npos);
    CHECK(out.text().find("its last 100 of 10") != std::string::npos);
}

TEST_CASE(
    "simulate: when all wait and nothing is left that could wake one, the run fails and says who waits for what") {
    caught_stderr const out;
    try {
        simulate(1, [] {
            ramie::notify never_told;
            auto [tx, rx] = ramie::channel<int>(1);
            auto stuck = ramie::spawn({.name = "stuck"}, [&] { (void)rx.receive(); });
            never_told.wait();
        });
        FAIL("it came back");
    } catch (simulation_failed const& e) {
        std::string const what = e.what();
        CHECK(what.find("all tasks wait") != std::string::npos);
        CHECK(what.find("task 1 \"the simulated function\", waits for notify") != std::string::npos);
        CHECK(what.find("task 2 \"stuck\", waits for") != std::string::npos);
    }
    CHECK(out.text().find("RAMIE_SIM_SEED=1") != std::string::npos);
}

TEST_CASE("simulate: of those that wait in a circle, the failure names each in order") {
    caught_stderr const out;
    try {
        simulate(1, [] {
            ramie::mutex m;
            std::lock_guard const held(m);
            (void)ramie::spawn({.name = "locker"}, [&] { std::lock_guard const held_too(m); }).join();
        });
        FAIL("it came back");
    } catch (simulation_failed const& e) {
        std::string const what = e.what();
        CAPTURE(what);
        CHECK(what.find("each of these waits for the next, and the last for the first:\n") != std::string::npos);
        CHECK(what.find("  task 1 waits for join of task 2") != std::string::npos);
        CHECK(what.find("  task 2 waits for mutex, held by task 1") != std::string::npos);
    }
}

TEST_CASE("simulate: a run that does not end fails") {
    caught_stderr const out;
    CHECK_THROWS_AS(simulate(1,
                             [] {
                                 for (;;) ramie::this_fiber::yield();
                             },
                             {.most_turns = 500}),
                    simulation_failed);
    CHECK(out.text().find("it made 501 turns") != std::string::npos);
}

TEST_CASE("simulate: a failure that no handle can receive fails the run, unless that is tolerated") {
    auto const f = [] {
        ramie::spawn([] { throw std::runtime_error("not noticed"); }).detach();
        ramie::this_fiber::sleep_for(1s);
    };
    {
        caught_stderr const out;
        CHECK_THROWS_AS(simulate(1, f), simulation_failed);
        CHECK(out.text().find("not noticed") != std::string::npos);
    }
    CHECK(simulate(1, f, {.tolerate_unseen_failures = true, .keep_log = true}).log.find("not noticed") !=
          std::string::npos);
}

TEST_CASE("simulate: the tasks that are left at the end are aborted and waited for") {
    int unwound = 0;
    struct counts {
        int& n;
        ~counts() {
            ramie::abort_shield const whole;
            ramie::this_fiber::sleep_for(1s);  // in virtual time
            ++n;
        }
    };
    simulate(1, [&] {
        for (int i = 0; i < 3; ++i) {
            ramie::spawn([&] {
                counts const here{unwound};
                ramie::this_fiber::sleep_for(1h);
            }).detach();
        }
        ramie::this_fiber::sleep_for(1s);
    });
    CHECK(unwound == 3);
}

TEST_CASE("simulate: of tasks that were aborted before they started, nothing is left") {
    std::array<char, 100'000> const large{};  // too large for a cached block: its block is an allocation that can be counted
    auto const run = [&](std::uint64_t seed) {
        simulate(seed, [&] {
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < 4; ++i) tasks.push_back(ramie::spawn([large] { (void)large; }));
            ramie::this_fiber::yield();  // some of them run
            for (auto& t : tasks) t.abort();
        });
    };
    run(0);
    auto const before = ramie::testing::blocks_alive();
    for (std::uint64_t seed = 1; seed <= 10; ++seed) run(seed);
    CHECK(ramie::testing::blocks_alive() == before);
}

TEST_CASE("simulate: a blocking job runs in turn, may wait, and is not interrupted once it runs") {
    simulate(1, [] {
        ramie::notify go;
        bool ended = false;
        auto job = ramie::spawn_blocking([&] {
            go.wait();
            ramie::this_fiber::sleep_for(1s);
            ended = true;
            return 5;
        });
        ramie::this_fiber::sleep_for(1s);
        job.abort();
        go.notify_one();
        CHECK(job.get() == 5);
        CHECK(ended);
    });
}

TEST_CASE("simulate: block_in_place, spawn_local and runtime_handle work as in any runtime") {
    simulate(1, [] {
        int local = 0;
        ramie::block_in_place([&] { local = 1; });
        CHECK(local == 1);
        CHECK_THROWS_AS(ramie::spawn_local([] {}), std::logic_error);  // the caller is not pinned
        ramie::spawn({.pinned = true}, [] { CHECK(ramie::spawn_local([] { return 3; }).get() == 3); }).get();
        auto const handle = ramie::runtime_handle::current();
        CHECK(handle.spawn([] { return 4; }).get() == 4);
        CHECK(handle.metrics().workers == 1);
        CHECK(handle.metrics().live_tasks == 1);
    });
}

TEST_CASE("simulate: a task may be interrupted between operations that need not wait") {
    // In production another worker's task may run between the two; here only by a small budget.
    bool seen = false;
    for (std::uint64_t seed = 1; seed <= 200 && !seen; ++seed) {
        simulate(seed, [&] {
            int value = 0;
            auto [tx, rx] = ramie::unbounded_channel<int>();
            for (int i = 0; i < 20; ++i) (void)tx.try_send(i);
            auto other = ramie::spawn([&] { seen = seen || value == 1; });
            value = 1;
            for (int i = 0; i < 20; ++i) (void)rx.receive();
            value = 2;
            other.get();
        });
    }
    CHECK(seen);
}

TEST_CASE("simulate: is refused inside a task, and so is another runtime inside a simulation") {
    ramie::run([] { CHECK_THROWS_AS(simulate(1, [] {}), std::logic_error); });
    simulate(1, [] {
        CHECK_THROWS_AS(simulate(2, [] {}), std::logic_error);
        CHECK_THROWS_AS(ramie::run([] {}), std::logic_error);
    });
    CHECK_THROWS_AS((void)ramie::testing::simulation_seed(), std::logic_error);
    simulate(9, [] { CHECK(ramie::testing::simulation_seed() == 9); });
    ramie::testing::note("nothing happens");
}

TEST_CASE("simulate: several threads may simulate at once, each its own") {
    auto const alone = logged(11, some_of_everything).log;
    std::vector<std::jthread> threads;
    std::vector<std::string> logs(4);
    for (auto& log : logs) threads.emplace_back([&log] { log = logged(11, some_of_everything).log; });
    threads.clear();
    for (auto const& log : logs) CHECK(log == alone);
}
