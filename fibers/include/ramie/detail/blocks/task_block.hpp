// Memory for a task's block. Small blocks come from the calling lane's cache (block_cache.hpp) or, on a thread that
// carries no lane, from the depot. Under a sanitizer always the system's memory, so that the sanitizer sees every use
// after the end.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>

namespace ramie::detail {

// Throws std::bad_alloc.
[[nodiscard]] RAMIE_API void* take_block(std::size_t size);
RAMIE_API void put_block(void* block, std::size_t size) noexcept;

}  // namespace ramie::detail
