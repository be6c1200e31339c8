// Signals by name.
#include "settings/dump_signal.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace ramie::detail;

TEST_CASE("dump_signal: each that may ask for dumps is found by the name that it has") {
    int found = 0;
    for (int number = -1; number <= 65; ++number) {
        CAPTURE(number);
        auto const name = name_of_signal(number);
        if (number == no_signal || !may_ask_for_dumps(number)) {
            CHECK(name == "signal " + std::to_string(number));
            CHECK_FALSE(dump_signal_of(name));
        } else {
            CHECK(dump_signal_of(name) == number);
            CHECK(dump_signal_of(name.substr(3)) == number);
            ++found;
        }
    }
    CHECK(found == 6 + SIGRTMAX - SIGRTMIN + 1);
    CHECK(dump_signal_of("none") == no_signal);
    CHECK(dump_signal_of("SIGRTMAX-1") == SIGRTMAX - 1);
    CHECK(dump_signal_of("RTMIN") == SIGRTMIN);
}
