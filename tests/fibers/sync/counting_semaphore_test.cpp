// counting_semaphore and binary_semaphore. What they are made of is tested in semaphore_test.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/counting_semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(ramie::binary_semaphore::max() >= 1);
static_assert(ramie::counting_semaphore<5>::max() >= 5);
static_assert(ramie::counting_semaphore<>::max() > 1'000'000);
static_assert(!std::is_copy_constructible_v<ramie::binary_semaphore> && !std::is_default_constructible_v<ramie::binary_semaphore>);

TEST_CASE("counting_semaphore: as many as there are permits are in, and the rest in the order of arrival") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::counting_semaphore<> seats(2);
        std::string trace;
        int inside = 0, most = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (char const name : {'a', 'b', 'c', 'd', 'e'}) {
            tasks.push_back(ramie::spawn([&, name] {
                seats.acquire();
                trace += name;
                most = std::max(most, ++inside);
                ramie::this_fiber::sleep_for(1ms);
                --inside;
                seats.release();
            }));
        }
        carrier.run();
        CHECK(trace == "abcde");
        CHECK(most == 2);
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("counting_semaphore: tries take what is there, and limits pass") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::counting_semaphore<10> s(1);
        auto task = ramie::spawn([&] {
            CHECK(s.try_acquire());
            CHECK_FALSE(s.try_acquire());
            auto const start = ramie::detail::carrier::now();
            CHECK_FALSE(s.try_acquire_for(3ms));
            CHECK_FALSE(s.try_acquire_until(start + 5ms));
            CHECK(ramie::detail::carrier::now() - start == 5ms);
            s.release(3);
            CHECK(s.try_acquire_for(0s));
            CHECK(s.try_acquire_until(std::chrono::steady_clock::time_point::max()));
            CHECK(s.try_acquire());
            CHECK_FALSE(s.try_acquire());
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("counting_semaphore: several permits at once let several in") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::counting_semaphore<> s(0);
        int in = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(ramie::spawn([&] {
                s.acquire();
                ++in;
            }));
        }
        carrier.drain();
        CHECK(in == 0);
        s.release(3);
        carrier.drain();
        CHECK(in == 3);
        s.release(2);
        carrier.drain();
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE("counting_semaphore: a release of less than nothing, or of more than can be counted, is an error and adds nothing") {
    ramie::counting_semaphore<3> s(2);
    CHECK_THROWS_WITH_AS(s.release(-1), "ramie: counting_semaphore::release of -1; accepted are 0 and more",
                         std::invalid_argument);
    CHECK_THROWS_AS(s.release(std::numeric_limits<std::ptrdiff_t>::min()), std::invalid_argument);
    s.release(0);
    for (int i = 0; i < 2; ++i) CHECK(s.try_acquire());
    CHECK_FALSE(s.try_acquire());
    ramie::counting_semaphore<> most(ramie::counting_semaphore<>::max());
    CHECK_THROWS_AS(most.release(), std::length_error);
    CHECK(most.try_acquire());
    most.release();
}

TEST_CASE("counting_semaphore: more than its maximum is counted, too, as elsewhere") {
    ramie::binary_semaphore bell(1);
    bell.release();
    CHECK(bell.try_acquire());
    CHECK(bell.try_acquire());
    CHECK_FALSE(bell.try_acquire());
}

TEST_CASE("counting_semaphore: it starts with a sensible number or says why not") {
    CHECK_THROWS_AS(ramie::counting_semaphore<>(-1), std::invalid_argument);
    CHECK_THROWS_AS(ramie::binary_semaphore(2), std::invalid_argument);
    CHECK_THROWS_WITH(ramie::binary_semaphore(2), "ramie: a counting_semaphore starts with 0 to 1 permits, not 2");
}

namespace {

struct one_bell {
    ramie::binary_semaphore bell{0};
    int heard = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    one_bell() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (int round = 0; round < 2; ++round) {
                    if (i == 1) bell.acquire();
                    else if (!bell.try_acquire_for(10ms)) continue;
                    ++heard;
                }
            }));
        }
        victim = tasks[1].abort_handle();
        tasks.push_back(ramie::spawn([this] {
            for (int i = 0; i < 6; ++i) {
                bell.release();
                ramie::this_fiber::sleep_for(1ms);
            }
        }));
    }
    void check() {
        int left = 0;
        while (bell.try_acquire()) ++left;
        CHECK(heard + left == 6);
        for (auto& t : tasks) (void)t.join();
    }
};

}  // namespace

TEST_CASE("counting_semaphore: an abort at any step, among limits that pass, loses no permit") {
    abort_at_each_step<one_bell>();
}

TEST_CASE("counting_semaphore: plain threads pass permits to each other") {
    ramie::binary_semaphore ping(0), pong(0);
    int count = 0;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) {
            ping.acquire();
            ++count;
            pong.release();
        }
    });
    for (int i = 0; i < 1000; ++i) {
        ping.release();
        pong.acquire();
    }
    other.join();
    CHECK(count == 1000);
    CHECK_FALSE(ping.try_acquire_for(1ms));
}

TEST_CASE("counting_semaphore: destroying one while somebody waits says so") {
    dies_when_destroyed("semaphore", std::make_unique<ramie::binary_semaphore>(0),
                        [](ramie::binary_semaphore& s) { s.acquire(); });
}
