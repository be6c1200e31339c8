#include <ramie/detail/machine/map_count.hpp>

#include "machine/system_file.hpp"

#include <algorithm>

namespace ramie::detail {

map_count count_maps() noexcept {
    constexpr long linux_default = 65530;
    map_count maps;
    auto const limit = number_in_file("/proc/sys/vm/max_map_count").value_or(0);
    maps.most = limit > 0 ? limit : linux_default;
    read_blocks("/proc/self/maps", [&](char const* text, ssize_t n) { maps.used += std::count(text, text + n, '\n'); });
    return maps;
}

}  // namespace ramie::detail
