// Which lane a thread carries.
#include "one_thread_carrier.hpp"

#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <thread>

using namespace ramie::detail;
using ramie::testing::one_thread_carrier;

TEST_CASE("this_lane: a plain thread carries none, and owns no lock") {
    CHECK(this_lane() == nullptr);
    CHECK(this_bias() == bias::stranger);
}

TEST_CASE("this_lane: the carrier's, with its number, on its own thread alone, and not after its end") {
    {
        one_thread_carrier carrier;
        auto* const mine = this_lane();
        REQUIRE(mine != nullptr);
        CHECK(this_bias() == mine->number);
        lane* seen = nullptr;
        auto task = ramie::spawn([&] { seen = this_lane(); });
        carrier.drain();
        task.get();
        CHECK(seen == mine);
        std::thread([mine] {
            CHECK(this_lane() != mine);
            CHECK(this_lane() == nullptr);
            CHECK(this_bias() == bias::stranger);
        }).join();
    }
    CHECK(this_lane() == nullptr);
    CHECK(this_bias() == bias::stranger);
}
