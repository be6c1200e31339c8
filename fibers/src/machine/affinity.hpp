// The processors a thread may run on, on machines of any size. The kernel refuses a mask that is smaller than its own
// (EINVAL), which a plain cpu_set_t of 1,024 bits may be.
#pragma once

#include <bit>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace ramie::detail {

// `get(bytes, mask)` like sched_getaffinity: 0, or -1 and errno. Returns 0 if it fails for good.
template <class Get>
unsigned count_affinity(Get&& get) {
    constexpr std::size_t first = 1024, last = std::size_t{1} << 24;  // bits
    for (auto bits = first; bits <= last; bits *= 2) {
        std::vector<unsigned long> mask(bits / (8 * sizeof(unsigned long)));
        if (get(bits / 8, mask.data()) == 0) {
            int count = 0;
            for (auto const word : mask) count += std::popcount(word);
            return static_cast<unsigned>(count);
        }
        if (errno != EINVAL) break;
    }
    return 0;
}

}  // namespace ramie::detail
