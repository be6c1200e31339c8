// A slab's memory, from the system and back.
#pragma once

#include <cstddef>

namespace ramie::detail {

// `bytes`, a power of two, aligned to that. Null: the system has no memory.
std::byte* map_slab(std::size_t bytes) noexcept;
void unmap_slab(std::byte* at, std::size_t bytes) noexcept;

}  // namespace ramie::detail
