// One scenario, again and again: in round n its victim is aborted after n steps of the carrier, until a round in which
// it had ended before. So the abort meets every suspension point, and every moment between being woken and running.
#pragma once

#include "one_thread_carrier.hpp"

#include <ramie/join_handle.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>

namespace ramie::testing {

// A scenario spawns its tasks when it is made, says who the `victim` is, and its check() looks at what is left when all
// have come to rest. If it has a before_abort(), that is called just then.
template <class Scenario>
void abort_at_each_step() {
    for (bool const direct : {false, true}) {
        CAPTURE(direct);
        bool over = false;
        for (std::size_t n = 0; !over; ++n) {
            REQUIRE(n < 1000);
            CAPTURE(n);
            one_thread_carrier carrier;
            carrier.switch_directly(direct);
            {
                Scenario s;
                for (std::size_t i = 0; i < n; ++i) {
                    if (!carrier.step()) carrier.advance(std::chrono::milliseconds(1));
                }
                over = s.victim.is_finished();
                if constexpr (requires { s.before_abort(); }) s.before_abort();
                s.victim.abort();
                carrier.run();
                s.check();
            }
            CHECK(carrier.live() == 0);
            CHECK(carrier.armed() == 0);
        }
    }
}

}  // namespace ramie::testing
