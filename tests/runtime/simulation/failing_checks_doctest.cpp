// Fails on purpose: simulate_checks_test.cpp looks at what it prints.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <ramie/testing/doctest.hpp>

#include <ramie/this_fiber.hpp>

TEST_CASE("simulate") {
    CHECK_THROWS_AS(ramie::testing::simulate(17,
                                             [] {
                                                 ramie::this_fiber::yield();
                                                 CHECK(1 + 1 == 3);
                                             }),
                    ramie::testing::simulation_failed);
    CHECK(2 + 2 == 5);
}

TEST_CASE("explore") {
    ramie::testing::explore(100, [] {
        for (int i = 0; i < 50; ++i) ramie::this_fiber::yield();
        CHECK(ramie::testing::simulation_seed() < 20);
    });
}

TEST_CASE("good") {
    ramie::testing::explore(10, [] {
        WARN(false);
        CHECK(true);
    });
}
