// The cheap clock of long timeouts: later than now, and not by much.
#include "timers/coarse_clock.hpp"

#include <ramie/detail/wait/waiter.hpp>
#include <ramie/runtime.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <ctime>

using namespace ramie::detail;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

std::chrono::nanoseconds two_ticks() {
    timespec resolution{};
    REQUIRE(::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0);
    return 2 * std::chrono::nanoseconds(resolution.tv_nsec);
}

time_point deadline_inside() { return waiter::self().scopes->until; }

}  // namespace

// That it is no earlier than now is the kernel's to keep: a virtual machine that is not run may miss ticks. So here it
// need only be so mostly.
TEST_CASE("coarse_clock: a bound is at most two ticks from now, mostly later than now, and never goes back") {
    auto before = coarse_clock::bound();
    int later = 0;
    for (int i = 0; i < 1000; ++i) {
        auto const start = steady_clock::now();
        auto const bound = coarse_clock::bound();
        REQUIRE(bound <= steady_clock::now() + two_ticks());
        REQUIRE(bound >= before);
        before = bound;
        if (bound >= start) ++later;
    }
    CHECK(later > 500);
}

TEST_CASE("timeout: below a second its deadline is exact, from there on two ticks may be added and none taken") {
    ramie::run([] {
        int late_enough = 0;
        for (int i = 0; i < 1000; ++i) {
            auto const start = steady_clock::now();
            auto const soon = ramie::timeout(999ms, deadline_inside).value();
            REQUIRE(soon >= start + 999ms);
            REQUIRE(soon <= steady_clock::now() + 999ms);
            auto const start_of_long = steady_clock::now();
            auto const far = ramie::timeout(1s, deadline_inside).value();
            REQUIRE(far <= steady_clock::now() + 1s + two_ticks());
            if (far >= start_of_long + 1s) ++late_enough;
        }
        CHECK(late_enough > 500);
    });
}
