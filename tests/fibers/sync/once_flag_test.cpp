// Done once, by whoever comes first and succeeds.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/once_flag.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("call_once: calls once, passes the arguments, and all others wait until it is done") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_flag flag;
        int calls = 0;
        bool done = false;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 4; ++i) {
            tasks.push_back(ramie::spawn([&] {
                ramie::call_once(
                    flag,
                    [&](std::unique_ptr<int> n) {
                        ++calls;
                        ramie::this_fiber::sleep_for(1ms);
                        done = *n == 7;
                    },
                    std::make_unique<int>(7));
                CHECK(done);
            }));
        }
        carrier.run();
        CHECK(calls == 1);
        for (auto& t : tasks) t.get();
        ramie::call_once(flag, [&] { ++calls; });
        CHECK(calls == 1);
    });
}

TEST_CASE("call_once: after an exception the next in line tries, and then whoever comes") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_flag flag;
        std::string trace;
        std::vector<ramie::join_handle<void>> tasks;
        for (char const name : {'a', 'b', 'c', 'd'}) {
            tasks.push_back(ramie::spawn([&, name] {
                ramie::call_once(flag, [&] {
                    trace += name;
                    ramie::this_fiber::yield();
                    if (name < 'c') throw std::runtime_error("not yet");
                });
            }));
        }
        carrier.drain();
        CHECK(trace == "abc");
        CHECK_THROWS_WITH_AS(tasks[0].get(), "not yet", std::runtime_error);
        CHECK_THROWS_WITH_AS(tasks[1].get(), "not yet", std::runtime_error);
        tasks[2].get();
        tasks[3].get();

        ramie::once_flag other;
        CHECK_THROWS_AS(ramie::call_once(other, [] { throw 1; }), int);
        bool ran = false;
        ramie::call_once(other, [&] { ran = true; });
        CHECK(ran);
    });
}

TEST_CASE("call_once: an abort or a timeout within the call is like an exception") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_flag flag;
        auto const forever = [&] { ramie::call_once(flag, [] { ramie::this_fiber::sleep_for(1h); }); };
        auto first = ramie::spawn(forever);
        auto second = ramie::spawn([&] { CHECK_FALSE(ramie::timeout(10ms, forever).has_value()); });
        bool ran = false;
        auto third = ramie::spawn([&] { ramie::call_once(flag, [&] { ran = true; }); });
        carrier.drain();
        first.abort();
        carrier.drain();
        CHECK(first.join().error().is_cancelled());
        CHECK_FALSE(ran);
        carrier.run();
        CHECK(ran);
        second.get();
        third.get();
    });
}

TEST_CASE("call_once: one who is aborted when it is its turn takes it, and hands it on by its exception") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_flag flag;
        std::string trace;
        auto const attempt = [&](char name) {
            return ramie::spawn([&, name] {
                ramie::call_once(flag, [&] {
                    trace += name;
                    ramie::this_fiber::sleep_for(1ms);
                    if (name == 'a') throw std::runtime_error("not yet");
                });
            });
        };
        auto a = attempt('a'), b = attempt('b'), c = attempt('c');
        carrier.drain();
        carrier.advance(1ms);
        CHECK(carrier.step());  // a fails: b's turn, which has not run yet
        b.abort();
        carrier.run();
        CHECK(trace == "abc");
        CHECK(b.join().error().is_cancelled());
        (void)a.join();
        c.get();
    });
}

TEST_CASE("call_once: from within its own call it is an error, not a deadlock") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_flag flag;
        auto task = ramie::spawn([&] {
            ramie::call_once(flag, [&] { CHECK_THROWS_AS(ramie::call_once(flag, [] {}), std::system_error); });
        });
        carrier.drain();
        task.get();
    });
}

namespace {

struct attempts {
    ramie::once_flag flag;
    int running = 0, succeeded = 0, failed = 0;
    bool broken = false;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    explicit attempts(std::size_t whom = 0) {
        for (int i = 0; i < 4; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                ramie::call_once(flag, [&] {
                    struct inside {
                        int& n;
                        ~inside() { --n; }
                    } in{running};
                    broken |= ++running != 1;
                    ramie::this_fiber::yield();
                    ramie::this_fiber::sleep_for(1ms);
                    if (i == 0) {
                        ++failed;
                        throw std::runtime_error("not yet");
                    }
                    ++succeeded;
                });
                broken |= succeeded != 1;
            }));
        }
        victim = tasks[whom].abort_handle();
    }
    void check() {
        CHECK_FALSE(broken);
        CHECK(running == 0);
        CHECK(succeeded == 1);
        for (auto& t : tasks) (void)t.join();
    }
};
struct abort_the_second : attempts {
    abort_the_second() : attempts(1) {}
};

}  // namespace

TEST_CASE("call_once: with an abort at any step it is still done once") {
    abort_at_each_step<attempts>();
    abort_at_each_step<abort_the_second>();
}

TEST_CASE("call_once: plain threads that race do it once") {
    for (int round = 0; round < 200; ++round) {
        ramie::once_flag flag;
        int value = 0;
        std::atomic<int> failures = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                try {
                    ramie::call_once(flag, [&] {
                        if (failures < 2 && round % 2 == 0) {
                            ++failures;
                            throw std::runtime_error("not yet");
                        }
                        ++value;
                    });
                    CHECK(value == 1);
                } catch (std::runtime_error const&) {
                }
            });
        }
        for (auto& t : threads) t.join();
        CHECK(value == 1);
    }
}

TEST_CASE("once_flag: destroying one while somebody waits says so") {
    struct busy {
        ramie::once_flag flag;
    };
    auto b = std::make_unique<busy>();
    dies_when_destroyed("once_flag", std::move(b), [](busy& f) {
        ramie::call_once(f.flag, [&] {
            // Another one queues, under the name that is expected.
            ramie::spawn({.name = "waiter"}, [&] { ramie::call_once(f.flag, [] {}); }).detach();
            ramie::this_fiber::sleep_for(1h);
        });
    });
}
