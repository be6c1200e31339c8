#include <ramie/detail/stack/address_space.hpp>

#include "machine/system_file.hpp"
#include "stack/stack_class.hpp"
#include "stack/stack_depot.hpp"
#include "stack/wide_slots.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <sys/resource.h>

namespace ramie::detail {

namespace {

// Kept for malloc and the rest of the program: an eighth of the limit, but at most this.
constexpr std::size_t largest_reserve = std::size_t{16} << 20;

rlim_t limit_of(int resource) noexcept {
    rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    return limit.rlim_cur;
}

// Of /proc/self/statm, in bytes.
struct mapped_bytes {
    std::size_t all = 0, data = 0;
};
mapped_bytes mapped() noexcept {
    std::array<unsigned long, 6> pages{};  // all, resident, shared, code, 0, data
    read_blocks("/proc/self/statm", [&](char const* text, ssize_t) {
        for (auto& each : pages) {
            char* end = nullptr;
            each = std::strtoul(text, &end, 10);
            text = end;
        }
    });
    return {pages.front() * page_bytes(), pages.back() * page_bytes()};
}

limited_space space_in(rlim_t limit, std::size_t used, char const* name, bool counts_reserved) noexcept {
    auto const free = limit - std::min<rlim_t>(limit, used);
    return {limit, free, free - std::min({free, limit / 8, largest_reserve}), name, counts_reserved};
}

// A line of /proc/meminfo, in bytes.
std::size_t memory_line(char const* text, char const* name) noexcept {
    auto const* const line = std::strstr(text, name);
    return line != nullptr ? std::strtoul(line + std::strlen(name), nullptr, 10) << 10 : 0;
}

std::optional<limited_space> committed_space() noexcept {
    if (number_in_file("/proc/sys/vm/overcommit_memory") != 2) return std::nullopt;
    std::optional<limited_space> space;
    read_blocks("/proc/meminfo", [&](char const* text, ssize_t) {
        if (auto const limit = memory_line(text, "CommitLimit:"))
            space = space_in(limit, memory_line(text, "Committed_AS:"), "the machine's limit on memory (vm.overcommit_memory is 2)", false);
    });
    return space;
}

}  // namespace

std::optional<limited_space> limited_address_space() noexcept {
    auto least = committed_space();
    auto const consider = [&](limited_space const& other) {
        if (!least || other.free < least->free) least = other;
    };
    auto const data = limit_of(RLIMIT_DATA), all = limit_of(RLIMIT_AS);
    if (data == RLIM_INFINITY && all == RLIM_INFINITY) return least;
    auto const used = mapped();
    if (data != RLIM_INFINITY) consider(space_in(data, used.data, "the limit on data (RLIMIT_DATA, ulimit -d)", false));
    if (all != RLIM_INFINITY) consider(space_in(all, used.all, limited_space{}.name, true));
    return least;
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
