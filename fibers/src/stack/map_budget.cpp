#include "stack/map_budget.hpp"

#include <ramie/detail/machine/map_count.hpp>

#include <algorithm>

namespace ramie::detail {

namespace {

constexpr long maps_per_guard = 2;

long affordable(map_count maps) noexcept { return std::max(0L, (maps.most / 2 - maps.used) / maps_per_guard); }

}  // namespace

map_budget::map_budget() noexcept : guards_left_(affordable(count_maps())) {}

bool map_budget::take() noexcept {
    if (guards_left_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
    give_back();
    return false;
}

void map_budget::give_back() noexcept { guards_left_.fetch_add(1, std::memory_order_relaxed); }

}  // namespace ramie::detail
