// What is carried at a switch besides registers and exceptions: errno.
#include "both_ways.hpp"

#include <ramie/detail/config.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cerrno>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// As most code does it: through a function that is not inlined.
RAMIE_NOIPA int get_errno() { return errno; }
RAMIE_NOIPA void set_errno(int e) { errno = e; }

}  // namespace

// (The one-thread carrier spoils it in each of its verbs.)
TEST_CASE("errno: each fiber keeps its own over yields, sleeps and waits") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        auto const body = [&](int own) {
            CHECK(get_errno() == 0);
            set_errno(own);
            ramie::this_fiber::yield();
            CHECK(get_errno() == own);
            ramie::this_fiber::sleep_for(1s);
            CHECK(get_errno() == own);
            signal.wait();
            CHECK(get_errno() == own);
            ramie::spawn([own] {
                CHECK(get_errno() == 0);
                set_errno(own + 100);
            }).get();
            CHECK(get_errno() == own);
        };
        auto a = ramie::spawn(body, EINTR), b = ramie::spawn(body, EAGAIN);
        carrier.run();
        signal.notify_all();
        carrier.run();
        a.get();
        b.get();
    });
}

TEST_CASE("errno: is kept when a wait ends by abort or by time") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            set_errno(EDOM);
            ramie::this_fiber::sleep_for(1s);
            CHECK(get_errno() == EDOM);
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (ramie::aborted const&) {
                CHECK(get_errno() == EDOM);
            }
        });
        auto other = ramie::spawn([] {
            ramie::this_fiber::sleep_for(500ms);
            set_errno(ERANGE);
            ramie::this_fiber::sleep_for(1s);
        });
        carrier.drain();
        carrier.advance(500ms);
        carrier.drain();
        carrier.advance(500ms);
        carrier.drain();
        task.abort();
        carrier.run();
        task.get();
        other.get();
    });
}
