// What is carried at a switch besides registers and exceptions, or kept from others: errno, and the rounding mode.
#include "both_ways.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cfenv>
#include <vector>

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

TEST_CASE("rounding mode: nobody goes on with another's, whether it starts, resumes or ends meanwhile") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        std::vector<int> seen;
        auto waiting = ramie::spawn([&] {
            signal.wait();
            seen.push_back(std::fegetround());
        });
        auto changing = ramie::spawn([&] {
            std::fesetround(FE_UPWARD);
            CHECK(std::fegetround() == FE_UPWARD);
            ramie::this_fiber::yield();  // others start
            std::fesetround(FE_DOWNWARD);
            signal.notify_one();
            ramie::this_fiber::yield();  // one resumes
            std::fesetround(FE_TOWARDZERO);
        });
        auto starting = ramie::spawn([&] { seen.push_back(std::fegetround()); });
        carrier.run();
        for (auto* each : {&waiting, &changing, &starting}) CHECK(each->is_finished());
        CHECK(seen == std::vector<int>{FE_TONEAREST, FE_TONEAREST});
        CHECK(std::fegetround() == FE_TONEAREST);  // the thread's own
    });
}
