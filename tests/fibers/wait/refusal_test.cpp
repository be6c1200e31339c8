// A task that takes no notice of being told to stop: it keeps nobody from running, and is given longer and longer sleeps.
#include "both_ways.hpp"

#include <ramie/detail/wait/refusal.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::detail::refusals;

namespace {

constexpr int bound = 20'000;  // far behind the last refusal that is not followed by a sleep

// Waits, whatever is thrown at it, until it is told that it is over.
struct deaf_loop {
    std::string name;
    std::function<void()> wait;
};
ramie::notify never_said;
std::vector<deaf_loop> const deaf_loops{
    {"sleep", [] { ramie::this_fiber::sleep_for(1h); }},
    {"notify", [] { never_said.wait(); }},
    {"yield", [] { ramie::this_fiber::yield(); }},
    {"abort_point", [] { ramie::this_fiber::abort_point(); }},
};

// The abort comes while the task runs: it is not thrown here.
void run_until(bool const& aborted) {
    ramie::abort_shield const whole;
    while (!aborted) ramie::this_fiber::yield();
}

}  // namespace

TEST_CASE("refusal: an aborted task that goes on lets others run, and then sleeps longer and longer") {
    both_ways([](one_thread_carrier& carrier) {
        for (auto const& loop : deaf_loops) {
            CAPTURE(loop.name);
            int refused = 0, at_first_turn = 0;
            bool over = false, aborted = false;
            auto deaf = ramie::spawn([&] {
                run_until(aborted);
                while (!over && refused < bound) {
                    try {
                        loop.wait();
                    } catch (ramie::aborted const&) {
                        ++refused;
                    }
                }
            });
            ramie::spawn([&] {
                ramie::this_fiber::yield();
                aborted = true;
                deaf.abort();
                ramie::this_fiber::yield();
                at_first_turn = refused;
            }).detach();
            carrier.drain();
            CHECK(at_first_turn == refusals::at_once);
            CHECK(refused == refusals::without_sleep);
            CHECK(carrier.armed() == 1);  // it sleeps
            CHECK(refusals::of(ramie::detail::access::held(deaf)).count == refusals::without_sleep + 1);
            for (unsigned i = 1; i <= refusals::sleeps_of_a_length; ++i) {
                carrier.advance(1ms);
                carrier.drain();
                CHECK(refused == refusals::without_sleep + i);
            }
            carrier.advance(1ms);
            carrier.drain();
            CHECK(refused == refusals::without_sleep + refusals::sleeps_of_a_length);  // this one is longer
            carrier.advance(1ms);
            carrier.drain();
            CHECK(refused == refusals::without_sleep + refusals::sleeps_of_a_length + 1);
            for (int i = 0; i < 1000; ++i) {
                carrier.advance(100ms);
                carrier.drain();
            }
            CHECK(refused > 1000);  // none is longer than that
            over = true;
            carrier.run();
            CHECK(deaf.join().has_value());
        }
    });
}

TEST_CASE("refusal: so does one that takes no notice of a timeout round it, as long as that lasts") {
    both_ways([](one_thread_carrier& carrier) {
        int refused = 0, turns = 0;
        bool over = false;
        auto deaf = ramie::spawn([&] {
            (void)ramie::timeout(0s, [&] {
                while (!over && refused < bound) {
                    try {
                        ramie::this_fiber::sleep_for(1h);
                    } catch (ramie::deadline_passed const&) {
                        ++refused;
                    }
                }
            });
            CHECK(refusals::of(ramie::detail::waiter::self()).count == 0);
        });
        ramie::spawn([&] {
            for (; !deaf.is_finished() && turns < bound; ++turns) ramie::this_fiber::yield();
        }).detach();
        carrier.drain();
        CHECK(refused == refusals::without_sleep);
        CHECK(turns > 1000);
        over = true;
        carrier.run();
        CHECK(deaf.join().has_value());
    });
}

TEST_CASE("refusal: timeouts without time, one after the other, are nothing to be slowed down for") {
    both_ways([](one_thread_carrier& carrier) {
        int timed_out = 0;
        auto task = ramie::spawn([&] {
            for (int i = 0; i < bound; ++i) timed_out += !ramie::timeout(0s, [] { never_said.wait(); });
        });
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(timed_out == bound);
    });
}

TEST_CASE("refusal: who waits in between is not slowed down either") {
    both_ways([](one_thread_carrier& carrier) {
        int refused = 0;
        std::uint64_t most = 0;
        bool aborted = false;
        auto task = ramie::spawn([&] {
            run_until(aborted);
            while (refused < 1000) {
                try {
                    never_said.wait();
                } catch (ramie::aborted const&) {
                    ++refused;
                }
                most = std::max(most, refusals::of(ramie::detail::waiter::self()).count);
                ramie::abort_shield const whole;
                ramie::this_fiber::sleep_for(1ms);
            }
        });
        ramie::spawn([&] {
            ramie::this_fiber::yield();
            task.abort();
            aborted = true;
        }).detach();
        carrier.run();
        CHECK(refused == 1000);
        CHECK(most == 1);
        CHECK(task.join().has_value());
    });
}
