// A std::stop_token ends a condition_variable's wait.
#include "abort_at_each.hpp"
#include "both_ways.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {
constexpr auto no = [] { return false; };
}

TEST_CASE("condition_variable: a stop wakes the waiter, which has the lock again and tells the predicate's value") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source source;
        bool ready = false;
        for (bool const as_well : {false, true}) {
            auto waits = ramie::spawn([&] {
                std::unique_lock lock(m);
                bool const value = changed.wait(lock, source.get_token(), [&] {
                    CHECK_FALSE(m.try_lock());
                    return ready;
                });
                CHECK(lock.owns_lock());
                CHECK_FALSE(m.try_lock());
                return value;
            });
            carrier.drain();
            CHECK_FALSE(waits.is_finished());
            ready = as_well;
            source.request_stop();
            carrier.drain();
            CHECK(waits.get() == as_well);
            source = std::stop_source();
            ready = false;
        }
    });
}

TEST_CASE("condition_variable: a stop that was requested before does not wait, but looks") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source source;
        source.request_stop();
        auto task = ramie::spawn([&] {
            std::unique_lock lock(m);
            CHECK_FALSE(changed.wait(lock, source.get_token(), no));
            CHECK(changed.wait(lock, source.get_token(), [] { return true; }));
            CHECK_FALSE(changed.wait_for(lock, source.get_token(), 1h, no));
        });
        carrier.drain();
        task.get();
    });
}

TEST_CASE("condition_variable: a stop that comes while the lock is being released is not lost") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::condition_variable changed;
        std::stop_source source;
        struct stopping_lock {
            std::stop_source& source;
            void lock() {}
            void unlock() { source.request_stop(); }
        } lock{source};
        auto task = ramie::spawn([&] { return changed.wait(lock, source.get_token(), no); });
        carrier.drain();
        REQUIRE(task.is_finished());
        CHECK_FALSE(task.get());
    });
}

TEST_CASE("condition_variable: with a token, notifications and limits work as without") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source source;
        bool ready = false;
        auto notified = ramie::spawn([&] {
            std::unique_lock lock(m);
            return changed.wait(lock, source.get_token(), [&] { return ready; });
        });
        auto limited = ramie::spawn([&] {
            std::unique_lock lock(m);
            auto const start = ramie::detail::carrier::now();
            CHECK_FALSE(changed.wait_for(lock, source.get_token(), 5ms, no));
            CHECK_FALSE(changed.wait_until(lock, source.get_token(), start + 9ms, no));
            CHECK(ramie::detail::carrier::now() - start == 9ms);
            CHECK(changed.wait(lock, std::stop_token(), [&] { return ready; }));
        });
        carrier.drain();
        changed.notify_all();
        carrier.drain();
        CHECK_FALSE(notified.is_finished());
        carrier.run();
        ready = true;
        changed.notify_all();
        carrier.drain();
        CHECK(notified.get());
        limited.get();
    });
}

TEST_CASE("condition_variable: a notification after a stop goes to the next waiter") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source source;
        bool other_woken = false;
        auto stopped = ramie::spawn([&] {
            std::unique_lock lock(m);
            return changed.wait(lock, source.get_token(), no);
        });
        auto other = ramie::spawn([&] {
            std::unique_lock lock(m);
            changed.wait(lock);
            other_woken = true;
        });
        carrier.drain();
        source.request_stop();
        changed.notify_one();  // the first in line has not run yet
        carrier.drain();
        CHECK(other_woken);
        CHECK_FALSE(stopped.get());
        other.get();
    });
}

TEST_CASE("condition_variable: the task's own token: an abort throws, and in a shield it ends the wait") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        for (bool const shielded : {false, true}) {
            CAPTURE(shielded);
            bool returned = false;
            auto waits = ramie::spawn([&](std::stop_token own) {
                std::optional<ramie::abort_shield> whole;
                if (shielded) whole.emplace();
                std::unique_lock lock(m);
                returned = !changed.wait(lock, own, no);
            });
            carrier.drain();
            waits.abort();
            carrier.drain();
            CHECK(waits.is_finished());
            CHECK(returned == shielded);
            (void)waits.join();
            CHECK(m.try_lock());
            m.unlock();
        }
    });
}

namespace {

// Items are handed over by notify_one; the victim may be stopped, aborted, or both.
struct takers {
    ramie::mutex m;
    ramie::condition_variable changed;
    std::stop_source source;
    int items = 0, taken = 0, stopped = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    takers() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (int round = 0; round < 2; ++round) {
                    std::unique_lock lock(m);
                    if (changed.wait_for(lock, i == 0 ? source.get_token() : std::stop_token(), 20ms,
                                         [this] { return items > 0; })) {
                        --items;
                        ++taken;
                    } else {
                        ++stopped;
                    }
                }
            }));
        }
        victim = tasks[0].abort_handle();
        tasks.push_back(ramie::spawn([this] {
            for (int i = 0; i < 4; ++i) {
                {
                    std::lock_guard held(m);
                    ++items;
                }
                changed.notify_one();
                ramie::this_fiber::sleep_for(1ms);
                if (i == 1) source.request_stop();
            }
        }));
    }
    void check() {
        CHECK(items + taken == 4);
        CHECK(taken >= 2);
        CHECK(m.try_lock());
        m.unlock();
        for (auto& t : tasks) (void)t.join();
    }
};

}  // namespace

TEST_CASE("condition_variable: an abort at any step, together with a stop, leaves the lock free and loses no item") {
    abort_at_each_step<takers>();
}

TEST_CASE("condition_variable: stops of plain threads meet notifications, and none is lost") {
    for (int round = 0; round < 300; ++round) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source source;
        bool ready = false;
        std::thread waits([&] {
            std::unique_lock lock(m);
            bool const value = changed.wait(lock, source.get_token(), [&] { return ready; });
            CHECK(value == ready);
        });
        std::thread patient([&] {
            std::unique_lock lock(m);
            CHECK(changed.wait(lock, std::stop_token(), [&] { return ready; }));
        });
        std::thread stops([&] { source.request_stop(); });
        if (round % 3 == 0) std::this_thread::yield();
        {
            std::lock_guard held(m);
            ready = true;
        }
        changed.notify_all();
        waits.join();
        patient.join();
        stops.join();
    }
}
