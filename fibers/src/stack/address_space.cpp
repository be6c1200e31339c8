#include <ramie/detail/stack/address_space.hpp>

#include "machine/system_file.hpp"
#include "stack/stack_class.hpp"
#include "stack/stack_depot.hpp"
#include "stack/wide_slots.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace ramie::detail {

namespace {

// Kept for malloc and the rest of the program: an eighth of the limit, but at most this.
constexpr std::size_t largest_reserve = std::size_t{16} << 20;

}  // namespace

std::optional<limited_space> limited_address_space() noexcept {
    auto const limit = address_space_limit();
    if (limit == RLIM_INFINITY) return std::nullopt;
    // The first number of statm is the size in pages.
    auto const pages = number_in_file("/proc/self/statm").value_or(0);
    auto const mapped = static_cast<std::size_t>(std::max(0L, pages)) * page_bytes();
    auto const free = limit - std::min(limit, mapped);
    return limited_space{limit, free, free - std::min({free, limit / 8, largest_reserve})};
}

std::optional<stack_room> limited_room_for_stacks(std::uint8_t size_class) noexcept {
    auto const space = limited_address_space();
    if (!space) return std::nullopt;
    auto const slot = slot_distance(size_class, spacing::close);
    auto const stacks = close_slots(size_class, space);
    stack_metrics mapped;
    depot_of(size_class).count(mapped);
    auto const slab = std::max(1u, stacks) * slot;
    return stack_room{*space, slab, std::max(1u, stacks), space->left / slab, mapped.idle + mapped.fresh};
}

}  // namespace ramie::detail
