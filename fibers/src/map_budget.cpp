#include "map_budget.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

constexpr long linux_default = 65530;
constexpr long maps_per_guard = 2;

// Calls f(text, length) for each block of a file. No allocation: the caller is noexcept.
template <class F>
bool read_blocks(char const* path, F&& f) noexcept {
    int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    std::array<char, 4096> block;
    ssize_t n;
    while ((n = ::read(fd, block.data(), block.size() - 1)) > 0) {
        block[static_cast<std::size_t>(n)] = '\0';
        f(block.data(), n);
    }
    ::close(fd);
    return n == 0;
}

long max_map_count() noexcept {
    long limit = 0;
    read_blocks("/proc/sys/vm/max_map_count", [&](char const* text, ssize_t) { limit = std::atol(text); });
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
