#include <ramie/detail/machine/processors.hpp>

#include "machine/affinity.hpp"
#include "machine/cpu_quota.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <thread>

#include <sched.h>

namespace ramie::detail {

unsigned usable_processors() noexcept {
    auto allowed = 0u;
    auto quota = std::numeric_limits<unsigned>::max();
    try {
        allowed = count_affinity([](std::size_t bytes, unsigned long* mask) {
            return ::sched_getaffinity(0, bytes, reinterpret_cast<cpu_set_t*>(mask));
        });
        static auto const by_groups = cpu_quota();
        quota = by_groups.value_or(quota);
    } catch (std::bad_alloc const&) {
        // A limit that is not known yet does not limit.
    }
    if (allowed == 0) allowed = std::thread::hardware_concurrency();
    return std::clamp(allowed, 1u, quota);
}

}  // namespace ramie::detail
