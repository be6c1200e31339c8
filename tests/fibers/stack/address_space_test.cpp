// How large slabs are where address space is limited.
#include <ramie/detail/stack/address_space.hpp>

#include "stack/stack_slab.hpp"

#include <doctest/doctest.h>

using namespace ramie::detail;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

limited_space space(std::size_t limit, std::size_t left) { return {.limit = limit, .free = left, .left = left}; }

}  // namespace

TEST_CASE("address space: a slab takes a thirty-second of it, the usual size at the most") {
    auto const c = stack_class_for(default_stack_size);
    auto const slot = slot_distance(c, spacing::close);
    auto const usual = slots_per_slab(c, spacing::close);
    CHECK(close_slots(c, std::nullopt) == usual);
    CHECK(close_slots(c, space(100'000 * mib, 50'000 * mib)) == usual);
    CHECK(close_slots(c, space(640 * mib, 500 * mib)) == 20 * mib / slot);
    CHECK(close_slots(c, space(mib, mib)) == 1);  // one is the least
}

TEST_CASE("address space: a slab takes what is left, if that is less; nothing of nothing") {
    auto const c = stack_class_for(default_stack_size);
    auto const slot = slot_distance(c, spacing::close);
    CHECK(close_slots(c, space(640 * mib, 3 * slot)) == 3);
    CHECK(close_slots(c, space(640 * mib, 3 * slot - 1)) == 2);
    CHECK(close_slots(c, space(640 * mib, slot - 1)) == 0);
    CHECK(close_slots(c, space(640 * mib, 0)) == 0);
}
