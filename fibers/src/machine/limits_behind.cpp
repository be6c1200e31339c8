#include <ramie/detail/machine/limits_behind.hpp>

#include <ramie/detail/machine/map_count.hpp>

#include <sys/resource.h>

namespace ramie::detail {

namespace {

std::string value_of(__rlimit_resource_t resource) {
    rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    ::getrlimit(resource, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
}

// Empty, unless this process has nearly as many maps as it may have: no thread's stack and no slab would find room.
std::string limit_of_maps() {
    constexpr long too_few = 16;
    auto const maps = count_maps();
    if (maps.left() > too_few) return "";
    return " (this process has " + std::to_string(maps.used) + " maps, and vm.max_map_count is " + std::to_string(maps.most) + ")";
}

}  // namespace

std::string limits_of_threads() {
    return " (RLIMIT_NPROC, ulimit -u, is " + value_of(RLIMIT_NPROC) + " for all threads of this user; pids.max of a cgroup may be less, or there is no room for a stack)";
}

std::string limits_behind(std::error_code const& error) {
    if (error == std::errc::too_many_files_open) return " (RLIMIT_NOFILE, ulimit -n, is " + value_of(RLIMIT_NOFILE) + ")";
    if (error == std::errc::too_many_files_open_in_system) return " (fs.file-max, for the whole machine)";
    if (error == std::errc::not_enough_memory) return limit_of_maps();
    if (error != std::errc::resource_unavailable_try_again) return "";
    // The C library says so too if there is no room for the thread's stack.
    auto const maps = limit_of_maps();
    return maps.empty() ? limits_of_threads() : maps;
}

}  // namespace ramie::detail
