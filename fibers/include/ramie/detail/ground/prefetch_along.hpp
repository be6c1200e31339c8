// What a long list is linked through has left the caches, and each element names the next only when it has come itself.
// But tasks that came one after the other tend to have blocks, and stacks, at equal distances; so where the next ones
// are can be guessed. A wrong guess costs a look at the page tables.
#pragma once

#include <cstdint>

namespace ramie::detail {

// Asks, for writing, for what lies `steps` further on than `to`, as seen from `from`.
inline void prefetch_along(void const* from, void const* to, std::intptr_t steps) noexcept {
    auto const there = reinterpret_cast<std::intptr_t>(to);
    __builtin_prefetch(reinterpret_cast<void const*>(there + steps * (there - reinterpret_cast<std::intptr_t>(from))), 1);
}

}  // namespace ramie::detail
