// How many slots are wide, and what asks for more or fewer.
#include "../support/child_process.hpp"
#include "../support/stack_probe.hpp"

#include "stack/wide_slots.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <sys/resource.h>

using namespace ramie::detail;
using namespace ramie::testing;

TEST_CASE("wide slots: as many as there may be, and those given back again") {
    wide_slots some(100);
    CHECK(some.take(60, RLIM_INFINITY) == 60);
    CHECK(some.take(60, RLIM_INFINITY) == 40);
    CHECK(some.take(60, RLIM_INFINITY) == 0);
    some.give_back(50);
    CHECK(some.take(60, RLIM_INFINITY) == 50);
    CHECK(some.take(1, RLIM_INFINITY) == 0);
    wide_slots none(0);
    CHECK(none.take(1, RLIM_INFINITY) == 0);
}

TEST_CASE("wide slots: an eighth of a limited address space at the most, whenever it was limited") {
    wide_slots many(1'000'000);
    auto const slot = wide_guard + default_slot;
    CHECK(many.take(50, RLIM_INFINITY) == 50);
    CHECK(many.take(150, RLIM_INFINITY) == 150);
    CHECK(many.take(50, 8 * 220 * slot) == 20);
    CHECK(many.take(50, 8 * 220 * slot) == 0);
    CHECK(many.take(50, 8 * 150 * slot) == 0);  // fewer than there are by now
    CHECK(many.take(50, 0) == 0);
    CHECK(many.take(50, RLIM_INFINITY) == 50);
    wide_slots small(1000);
    CHECK(small.take(50, (1ul << 30) - 1) == 0);
    CHECK(small.take(50, 1ul << 30) == 50);
}

TEST_CASE("wide slots: the environment may ask for all of them, a number, or none") {
    CHECK(wide_slots_wanted(nullptr) == 4096);
    CHECK(wide_slots_wanted("0") == 0);
    CHECK(wide_slots_wanted("77") == 77);
    CHECK(wide_slots_wanted("all") > 100'000'000);
    CHECK(wide_slots_wanted("134217728") == wide_slots_wanted("all"));
}

TEST_CASE("stack: in a process that wants so many wide slots" * doctest::skip()) {
    std::string const wanted = std::getenv("RAMIE_WIDE_STACKS");
    std::size_t const n = sanitized ? 500 : 10'000;
    stack_cache cache;
    auto const stacks = take(cache, n, default_class());
    std::size_t wide = 0;
    for (auto* s : stacks) wide += static_cast<std::size_t>(s->bottom - s->floor) >= 1 << 20;
    CHECK(stack_statistics().wide >= wide);
    if (wanted == "all") CHECK(wide == n);
    else if (wanted == "1" || wanted == "60") CHECK(wide == std::stoul(wanted));
    else if (wanted == "0") CHECK(wide == 0);
    else CHECK(wide == std::min<std::size_t>(n, 4096));
    // In another class there are none left either.
    auto* const other = cache.take(default_class() + 1);
    CHECK((other->bottom - other->floor >= 1 << 20) == (wanted == "all" || (sanitized && wanted == "many")));
    cache.put(other);
    put(cache, stacks);
    cache.flush();
    CHECK(trim_stacks(std::chrono::steady_clock::now() + std::chrono::hours(1)) ==
          std::chrono::steady_clock::time_point::max());
    CHECK(stack_statistics().wide == 0);
    auto* const again = cache.take(default_class());
    CHECK((again->bottom - again->floor >= 1 << 20) == (wanted != "0"));
    cache.put(again);
}

TEST_CASE("stack: as many wide slots as were asked for come first, whatever their class; the others lie close") {
    for (auto const* wanted : {"0", "1", "60", "all"}) {
        CAPTURE(wanted);
        auto const end =
            in_fresh_process("stack: in a process that wants so many wide slots", "RAMIE_WIDE_STACKS", wanted);
        CHECK_MESSAGE(end.exited_with(0), end.output);
        CHECK_FALSE(end.said("RAMIE_WIDE_STACKS is"));
    }
}

TEST_CASE("stack: a number of wide slots that is none is refused once, by name, and the usual number taken") {
    for (auto const* wrong : {"many", "", "-1", "7k", "99999999999999999999"}) {
        CAPTURE(wrong);
        auto const end =
            in_fresh_process("stack: in a process that wants so many wide slots", "RAMIE_WIDE_STACKS", wrong);
        if (std::string(wrong) == "many") CHECK_MESSAGE(end.exited_with(0), end.output);
        auto const line = std::string("RAMIE_WIDE_STACKS is \"") + wrong + "\"; accepted are \"all\" and 0 to 134217728";
        auto const said = end.output.find(line);
        CHECK(said != std::string::npos);
        CHECK(end.output.find("RAMIE_WIDE_STACKS is", said + 1) == std::string::npos);
    }
}
