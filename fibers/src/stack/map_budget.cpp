#include "stack/map_budget.hpp"

#include "machine/system_file.hpp"

#include <algorithm>

namespace ramie::detail {

namespace {

constexpr long linux_default = 65530;
constexpr long maps_per_guard = 2;

long max_map_count() noexcept {
    auto const limit = number_in_file("/proc/sys/vm/max_map_count").value_or(0);
    return limit > 0 ? limit : linux_default;
}

long maps_in_use() noexcept {
    long lines = 0;
    read_blocks("/proc/self/maps", [&](char const* text, ssize_t n) { lines += std::count(text, text + n, '\n'); });
    return lines;
}

}  // namespace

map_budget::map_budget() noexcept
    : guards_left_(std::max(0L, (max_map_count() / 2 - maps_in_use()) / maps_per_guard)) {}

bool map_budget::take() noexcept {
    if (guards_left_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
    give_back();
    return false;
}

void map_budget::give_back() noexcept { guards_left_.fetch_add(1, std::memory_order_relaxed); }

}  // namespace ramie::detail
