// The elements of a long list have left the caches, and each element must be loaded before the next one is known. But
// tasks that were made one after the other often have blocks, and stacks, at equal distances; so the places of the next
// ones can be guessed. A wrong guess costs a walk of the page tables.
#pragma once

#include <cstdint>

namespace ramie::detail {

// Prefetches, for writing, the address that lies `steps` distances beyond `to`, where one distance is `to` minus
// `from`.
inline void prefetch_along(void const* from, void const* to, std::intptr_t steps) noexcept {
    auto const there = reinterpret_cast<std::intptr_t>(to);
    __builtin_prefetch(reinterpret_cast<void const*>(there + steps * (there - reinterpret_cast<std::intptr_t>(from))), 1);
}

}  // namespace ramie::detail
