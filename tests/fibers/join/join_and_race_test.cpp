// Several callables at once: join, try_join, race.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/join.hpp>
#include <ramie/race.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("join: runs all at once and returns their values in order") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            std::string trace;
            auto [a, b, nothing] = ramie::join(
                [&] {
                    ramie::this_fiber::sleep_for(2ms);
                    trace += 'a';
                    return 1;
                },
                [&] {
                    ramie::this_fiber::sleep_for(1ms);
                    trace += 'b';
                    return std::string("two");
                },
                [] {});
            CHECK(a == 1);
            CHECK(b == "two");
            CHECK(nothing == std::monostate());
            CHECK(trace == "ba");
        });
        carrier.run();
        parent.get();
    });
}

TEST_CASE("join: waits for all, then throws the first exception in order") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            bool ended = false;
            try {
                (void)ramie::join([]() -> int { throw std::runtime_error("first"); },
                                  [&] {
                                      ramie::this_fiber::sleep_for(1ms);
                                      ended = true;
                                  });
                FAIL("not thrown");
            } catch (std::runtime_error const& e) {
                CHECK(std::string(e.what()) == "first");
            }
            CHECK(ended);
        });
        carrier.run();
        parent.get();
    });
}

TEST_CASE("try_join: the first exception aborts the others") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            CHECK_THROWS_WITH((void)ramie::try_join(
                                  [] {
                                      ramie::this_fiber::sleep_for(1h);
                                      return 1;
                                  },
                                  [] {
                                      ramie::this_fiber::sleep_for(1ms);
                                      throw std::runtime_error("short");
                                  }),
                              "short");
        });
        carrier.advance(1ms);
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(parent.is_finished());
        parent.get();
    });
}

TEST_CASE("try_join: with expected results the first error is the result") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            using result = std::expected<int, std::string>;
            auto const good = ramie::try_join([]() -> result { return 1; }, []() -> result { return 2; });
            CHECK(good.value() == std::tuple(1, 2));
            auto const bad = ramie::try_join(
                []() -> result {
                    ramie::this_fiber::sleep_for(1h);
                    return 1;
                },
                []() -> std::expected<void, std::string> { return std::unexpected("bad"); });
            CHECK(bad.error() == "bad");
        });
        carrier.drain();
        CHECK(parent.is_finished());
        parent.get();
    });
}

TEST_CASE("race: the first to finish wins; the others are aborted and joined before it returns") {
    both_ways([](one_thread_carrier& carrier) {
        auto const before = tracked::alive();
        auto parent = ramie::spawn([before] {
            auto const winner = ramie::race(
                [] {
                    tracked const held(1);
                    ramie::this_fiber::sleep_for(1h);
                    return 1;
                },
                [] {
                    ramie::this_fiber::sleep_for(1ms);
                    return 2;
                });
            CHECK(tracked::alive() == before);
            return winner;
        });
        carrier.run();
        CHECK(parent.get() == 2);
    });
}

TEST_CASE("race: an exception of the first to finish is thrown") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            CHECK_THROWS_WITH(ramie::race([] { throw std::runtime_error("lost"); },
                                          [] { ramie::this_fiber::sleep_for(1h); }),
                              "lost");
        });
        carrier.drain();
        CHECK(parent.is_finished());
        parent.get();
    });
}

TEST_CASE("join: an abort of the caller aborts and joins all") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            (void)ramie::join([] { ramie::this_fiber::sleep_for(1h); }, [] { ramie::this_fiber::sleep_for(1h); });
        });
        carrier.drain();
        parent.abort();
        carrier.drain();
        CHECK(parent.join().error().is_cancelled());
        CHECK(carrier.live() == 0);
    });
}
