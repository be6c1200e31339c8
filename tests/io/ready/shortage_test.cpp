// Waiting for a free descriptor.
#include "chance.hpp"
#include "ready/shortage.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace ramie::detail;
using namespace std::chrono_literals;

TEST_CASE("shortage: a waiting acceptor is woken by a close, however far its limit") {
    shortage s;
    for (std::size_t i = 0; i < ramie::testing::rounds(300); ++i) {
        auto const noted = s.closed();
        std::jthread one([&] { s.wait(waiter::self(), noted, never); });
        std::jthread two([&] { s.wait(waiter::self(), noted, std::chrono::steady_clock::now() + 1h); });
        s.wake_all();
    }
    CHECK(s.pauses() == 2 * ramie::testing::rounds(300));
}

TEST_CASE("shortage: a close after the note is not waited for") {
    shortage s;
    auto const noted = s.closed();
    s.wake_all();
    s.wait(waiter::self(), noted, never);
}

TEST_CASE("shortage: without a close, the limit ends the wait") {
    shortage s;
    s.wait(waiter::self(), s.closed(), std::chrono::steady_clock::now() + 1ms);
    CHECK(s.pauses() == 1);
}
