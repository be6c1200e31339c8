#include "blocks/slab_mapping.hpp"

#include <cstdint>

#include <sys/mman.h>

namespace ramie::detail {

namespace {

std::byte* map_bytes(std::size_t bytes) noexcept {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

std::size_t beyond_alignment(std::byte* at, std::size_t size) noexcept {
    return reinterpret_cast<std::uintptr_t>(at) & (size - 1);
}

// The system usually maps slabs beside each other, so the plain try succeeds more often than not.
std::byte* map_aligned(std::size_t size) noexcept {
    auto* at = map_bytes(size);
    if (at == nullptr || beyond_alignment(at, size) == 0) return at;
    ::munmap(at, size);
    at = map_bytes(2 * size);
    if (at == nullptr) return nullptr;
    auto const before = (size - beyond_alignment(at, size)) % size;
    if (before != 0) ::munmap(at, before);
    ::munmap(at + before + size, size - before);
    return at + before;
}

}  // namespace

std::byte* map_slab(std::size_t bytes) noexcept {
    auto* const at = map_aligned(bytes);
    // In address order small pages are as good. With huge pages by default, a single task would cost two megabytes.
    if (at != nullptr) ::madvise(at, bytes, MADV_NOHUGEPAGE);
    return at;
}

void unmap_slab(std::byte* at, std::size_t bytes) noexcept { ::munmap(at, bytes); }

}  // namespace ramie::detail
