// A test body, run once per way of switching: every task returns to the loop of its lane after its step, or jumps to its
// successor directly, as on a worker. Nothing may be left behind.
#pragma once

#include "one_thread_carrier.hpp"

#include <doctest/doctest.h>

namespace ramie::testing {

template <class F>
void both_ways(F&& test) {
    for (bool const direct : {false, true}) {
        CAPTURE(direct);
        one_thread_carrier carrier;
        carrier.switch_directly(direct);
        test(carrier);
        CHECK(carrier.live() == 0);
        CHECK(carrier.armed() == 0);
        CHECK(carrier.runnable() == 0);
    }
}

}  // namespace ramie::testing
