// A callable whose result goes to a future.
#include "both_ways.hpp"

#include <ramie/packaged_task.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <type_traits>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(std::is_nothrow_move_constructible_v<ramie::packaged_task<int(int)>> &&
              !std::is_copy_constructible_v<ramie::packaged_task<int(int)>>);

TEST_CASE("packaged_task: gives the value, or the exception, to its future; also as the body of a task") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::packaged_task<int(int)> twice([](int n) {
            if (n < 0) throw std::invalid_argument("negative");
            ramie::this_fiber::yield();
            return 2 * n;
        });
        auto f = twice.get_future();
        auto task = ramie::spawn(std::move(twice), 4);
        carrier.drain();
        task.get();
        CHECK(f.get() == 8);
        CHECK_FALSE(twice.valid());

        ramie::packaged_task<void()> fails([] { throw std::runtime_error("why"); });
        fails();
        CHECK_THROWS_WITH_AS(fails.get_future().get(), "why", std::runtime_error);
    });
}

TEST_CASE("packaged_task: the standard's errors, and a second life by reset") {
    ramie::packaged_task<int()> none;
    CHECK_THROWS_AS(none(), ramie::future_error);
    CHECK_THROWS_AS((void)none.get_future(), ramie::future_error);
    CHECK_THROWS_AS(none.reset(), ramie::future_error);
    int calls = 0;
    ramie::packaged_task<int()> task([&] { return ++calls; });
    auto first = task.get_future();
    CHECK_THROWS_AS((void)task.get_future(), ramie::future_error);
    task();
    CHECK_THROWS_AS(task(), ramie::future_error);
    CHECK(first.get() == 1);
    task.reset();
    auto second = task.get_future();
    task.reset();
    CHECK_THROWS_AS(second.get(), ramie::future_error);
    auto third = task.get_future();
    task();
    CHECK(third.get() == 2);
}

TEST_CASE("packaged_task: an abort in the call is the caller's, and breaks the promise") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::packaged_task<void()> task([] { ramie::this_fiber::sleep_for(1h); });
        auto f = task.get_future();
        auto caller = ramie::spawn([&] { task(); });
        carrier.drain();
        caller.abort();
        carrier.drain();
        CHECK(caller.join().error().is_cancelled());
        CHECK_THROWS_AS(f.get(), ramie::future_error);
    });
}
