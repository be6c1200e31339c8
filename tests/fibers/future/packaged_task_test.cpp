// A callable whose result goes to a future.
#include "both_ways.hpp"
#include "counting_allocator.hpp"

#include <ramie/packaged_task.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <memory>
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

TEST_CASE("packaged_task: whether it was called goes along when it moves or is swapped") {
    int calls = 0;
    ramie::packaged_task<int()> used([&] { return ++calls; }), fresh([&] { return ++calls; });
    used();
    swap(used, fresh);
    CHECK_THROWS_AS(fresh(), ramie::future_error);
    used();
    used = ramie::packaged_task<int()>([&] { return 10; });
    used();
    CHECK(used.get_future().get() == 10);
    CHECK(calls == 2);
}

TEST_CASE("packaged_task: function and shared state come from an allocator that is given") {
    blocks given;
    {
        std::array<int, 100> const big{1, 2, 3};
        ramie::packaged_task<int(std::size_t)> task(std::allocator_arg, counting_allocator<char>(given),
                                                    [big](std::size_t i) { return big[i]; });
        CHECK(given.alive == 2);
        auto f = task.get_future();
        auto moved = std::move(task);
        moved(2);
        CHECK(f.get() == 3);
    }
    CHECK(given.made == 2);
    CHECK(given.alive == 0);
}

namespace {

struct static_like {
    long operator()(char, int) const& noexcept { return 5; }
};

template <class T>
using signature_of = decltype(ramie::packaged_task(std::declval<T>()));
static_assert(std::is_same_v<signature_of<int (*)(char)>, ramie::packaged_task<int(char)>>);
static_assert(std::is_same_v<signature_of<static_like>, ramie::packaged_task<long(char, int)>>);
auto const changing = [n = 0](int& by) mutable -> int& {
    n += by;
    return by;
};
static_assert(std::is_same_v<signature_of<decltype(changing)>, ramie::packaged_task<int&(int&)>>);

}  // namespace

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
