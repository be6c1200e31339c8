// A task that overflows its stack on a real runtime: the process dies with a report that names it.
#include "child_process.hpp"
#include "sanitized.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using namespace ramie::testing;

namespace {

RAMIE_NOIPA std::size_t recurse(std::size_t depth) {
    std::byte volatile frame[500];
    frame[0] = std::byte{1};
    auto const below = depth == 0 ? 0 : recurse(depth - 1);
    return below + static_cast<std::size_t>(frame[0]);
}

// What the size class promises that serves so many bytes: a power of two, less the guard.
constexpr std::size_t usable_of(std::size_t asked) {
    std::size_t slot = 4096;
    while (slot < asked + (std::size_t{64} << 10)) slot *= 2;
    return slot - (std::size_t{64} << 10);
}

constexpr std::size_t endless = std::size_t{1} << 40;

}  // namespace

TEST_CASE("overflow: the report names the task, where it was spawned and its stack size") {
    if (sanitized) return;  // a sanitizer has its own word on SIGSEGV
    for (bool current_thread : {false, true}) {
        for (bool after_a_wait : {false, true}) {
            CAPTURE(current_thread);
            CAPTURE(after_a_wait);
            unsigned const spawned_at = __LINE__ + 7;  // the spawn below
            auto const end = in_child([&] {
                ramie::run({.current_thread = current_thread}, [&] {
                    auto const deep = [&] {
                        if (after_a_wait) ramie::this_fiber::sleep_for(std::chrono::microseconds(100));
                        (void)recurse(endless);
                    };
                    ramie::spawn({.name = "deep"}, deep).get();
                });
            });
            CHECK(end.killed_by(SIGSEGV));
            CHECK_MESSAGE(end.said("ramie: stack overflow in task "), end.output);
            CHECK_MESSAGE(end.said("\"deep\", spawned at "), end.output);
            auto const place = "overflow_test.cpp:" + std::to_string(spawned_at) + ", stack size 196608 bytes\n";
            CHECK_MESSAGE(end.said(place.c_str()), end.output);
        }
    }
}

TEST_CASE("overflow: a larger stack is used to its end before, and reported with its size") {
    if (sanitized) return;
    auto const end = in_child([] {
        ramie::run({.workers = 1}, [] {
            ramie::spawn({.stack_size = std::size_t{4} << 20}, [] { (void)recurse(3000); }).get();
            std::fprintf(stderr, "1.5 MB was fine\n");
            ramie::spawn({.name = "large", .stack_size = std::size_t{4} << 20}, [] { (void)recurse(endless); }).get();
        });
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.said("1.5 MB was fine\n"), end.output);
    CHECK_MESSAGE(end.said("\"large\""), end.output);
    CHECK_MESSAGE(end.said(("stack size " + std::to_string(usable_of(std::size_t{4} << 20)) + " bytes").c_str()), end.output);
}
