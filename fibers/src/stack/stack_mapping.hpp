// The memory of stacks: from the system, page by page back to it, and back as a whole.
#pragma once

#include <cstddef>

namespace ramie::detail {

// Null: there is no address space left.
std::byte* map_stacks(std::size_t bytes) noexcept;

// False: the system refuses; then the mapping is still there, without its memory.
bool unmap_stacks(std::byte* at, std::size_t bytes) noexcept;

// Whole pages: the memory goes, the mapping stays, and reads as zero.
void return_memory(std::byte* from, std::size_t bytes) noexcept;

}  // namespace ramie::detail
