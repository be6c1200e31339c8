// Fails on purpose: simulate_checks_test.cpp looks at what it prints.
#include <ramie/testing/googletest.hpp>

#include <ramie/this_fiber.hpp>

TEST(simulations, simulate) {
    EXPECT_THROW(ramie::testing::simulate(17,
                                          [] {
                                              ramie::this_fiber::yield();
                                              EXPECT_EQ(1 + 1, 3);
                                          }),
                 ramie::testing::simulation_failed);
    EXPECT_EQ(2 + 2, 5);
}

TEST(simulations, explore) {
    ramie::testing::explore(100, [] {
        for (int i = 0; i < 50; ++i) ramie::this_fiber::yield();
        EXPECT_LT(ramie::testing::simulation_seed(), 20u);
    });
}

TEST(simulations, good) {
    ramie::testing::explore(10, [] { EXPECT_TRUE(true); });
}

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
