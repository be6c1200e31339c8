// "Replace std:: by ramie::": one text that is compiled with both namespaces.
#include "both_ways.hpp"

#include <ramie/async.hpp>
#include <ramie/barrier.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/jthread.hpp>
#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/packaged_task.hpp>
#include <ramie/promise.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/stop_token.hpp>
#include <ramie/this_thread.hpp>
#include <ramie/thread.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <barrier>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <sstream>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

using namespace ramie::testing;

namespace {

int with_std() {
#define STD std
#include "std_names.inc"
#undef STD
}

int with_ramie() {
#define STD ramie
#include "std_names.inc"
#undef STD
}

// What the standard says of the types themselves.
template <class... Types>
constexpr bool standard_layout = (std::is_standard_layout_v<Types> && ...);
static_assert(standard_layout<ramie::mutex, ramie::timed_mutex, ramie::recursive_mutex, ramie::recursive_timed_mutex,
                              ramie::shared_mutex, ramie::shared_timed_mutex, ramie::condition_variable>);
template <class... Types>
constexpr bool stay_where_they_are = (!std::is_move_constructible_v<Types> && ...) && (!std::is_move_assignable_v<Types> && ...);
static_assert(stay_where_they_are<ramie::mutex, ramie::timed_mutex, ramie::recursive_mutex, ramie::recursive_timed_mutex,
                                  ramie::shared_mutex, ramie::condition_variable, ramie::once_flag, ramie::latch,
                                  ramie::barrier<>, ramie::binary_semaphore>);

}  // namespace

TEST_CASE("std names: what is written for std works with ramie, and counts the same") {
    int const expected = with_std();
    CHECK(expected > 30);
    both_ways([&](one_thread_carrier& carrier) {
        auto program = ramie::spawn([] { return with_ramie(); });
        carrier.run();
        CHECK(program.get() == expected);
    });
}
