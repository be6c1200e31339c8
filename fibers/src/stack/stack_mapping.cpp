#include "stack/stack_mapping.hpp"

#include "stack/stack_pages.hpp"

#include <sys/mman.h>

namespace ramie::detail {

std::byte* map_stacks(std::size_t bytes) noexcept {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    // With a huge page every stack in it would cost its full size. (A kernel without huge pages refuses the call; that
    // is fine.)
    ::madvise(at, bytes, MADV_NOHUGEPAGE);
    hold_undefined(static_cast<std::byte*>(at), bytes);
    return static_cast<std::byte*>(at);
}

bool unmap_stacks(std::byte* at, std::size_t bytes) noexcept {
    if (::munmap(at, bytes) == 0) return true;
    return_memory(at, bytes);
    return false;
}

void return_memory(std::byte* from, std::size_t bytes) noexcept { ::madvise(from, bytes, MADV_DONTNEED); }

}  // namespace ramie::detail
