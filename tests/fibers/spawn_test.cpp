#include "one_thread_carrier.hpp"

#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

using ramie::testing::one_thread_carrier;

TEST_CASE("a spawned task runs later and its value is joined") {
    one_thread_carrier carrier;
    bool ran = false;
    auto handle = ramie::spawn([&] {
        ran = true;
        return 7;
    });
    CHECK_FALSE(ran);
    carrier.drain();
    CHECK(ran);
    CHECK(handle.is_finished());
    CHECK(handle.join().value() == 7);
    CHECK(carrier.live() == 0);
}

TEST_CASE("a task joins a child that has not started, in both ways of switching") {
    for (bool direct : {false, true}) {
        CAPTURE(direct);
        one_thread_carrier carrier;
        carrier.switch_directly(direct);
        auto parent = ramie::spawn([] {
            auto child = ramie::spawn([](std::string const& a, std::unique_ptr<int> b) { return a + std::to_string(*b); },
                                      std::string("x"), std::make_unique<int>(5));
            return child.join().value();
        });
        carrier.drain();
        CHECK(parent.get() == "x5");
    }
}

TEST_CASE("yielding tasks take turns") {
    for (bool direct : {false, true}) {
        one_thread_carrier carrier;
        carrier.switch_directly(direct);
        std::string trace;
        auto work = [&](char name) {
            for (int i = 0; i < 3; ++i) {
                trace += name;
                ramie::this_fiber::yield();
            }
        };
        auto a = ramie::spawn(work, 'a'), b = ramie::spawn(work, 'b');
        carrier.drain();
        CHECK(trace == "ababab");
    }
}
