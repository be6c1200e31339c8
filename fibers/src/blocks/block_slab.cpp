#include "blocks/block_slab.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include <sys/mman.h>

namespace ramie::detail {

namespace {

constexpr unsigned word_bits = 64;
constexpr std::size_t line = 64;

std::byte* map_bytes(std::size_t bytes) noexcept {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

std::size_t beyond_alignment(std::byte* at) noexcept {
    return reinterpret_cast<std::uintptr_t>(at) & (block_slab::bytes - 1);
}

// The system usually maps slabs beside each other, so the plain try succeeds more often than not.
std::byte* map_aligned() noexcept {
    constexpr auto size = block_slab::bytes;
    auto* at = map_bytes(size);
    if (at == nullptr || beyond_alignment(at) == 0) return at;
    ::munmap(at, size);
    at = map_bytes(2 * size);
    if (at == nullptr) return nullptr;
    auto const before = (size - beyond_alignment(at)) % size;
    if (before != 0) ::munmap(at, before);
    ::munmap(at + before + size, size - before);
    return at + before;
}

}  // namespace

block_slab* block_slab::map(std::uint32_t block_bytes) noexcept {
    auto* const at = map_aligned();
    if (at == nullptr) return nullptr;
    // In address order small pages are as good. With huge pages by default, a single task would cost two megabytes.
    ::madvise(at, bytes, MADV_NOHUGEPAGE);
    return ::new (at) block_slab(block_bytes);
}

block_slab::block_slab(std::uint32_t block_bytes) noexcept : block_bytes_(block_bytes) {
    auto const most = (bytes - sizeof *this) / block_bytes;
    auto const head = sizeof *this + (most + word_bits - 1) / word_bits * sizeof(std::uint64_t);
    first_ = static_cast<std::uint32_t>((head + line - 1) / line * line);
    capacity_ = static_cast<std::uint32_t>((bytes - first_) / block_bytes);
    auto const whole = capacity_ / word_bits;
    std::fill_n(bits(), whole, ~std::uint64_t{0});
    if (auto const rest = capacity_ % word_bits; rest != 0) bits()[whole] = (std::uint64_t{1} << rest) - 1;
}

void block_slab::unmap() noexcept { ::munmap(static_cast<void*>(this), bytes); }

unsigned block_slab::take(void** to, unsigned wanted) noexcept {
    unsigned const n = std::min(wanted, capacity_ - used_);
    for (unsigned taken = 0; taken < n;) {
        auto& word = bits()[lowest_];
        for (; word != 0 && taken < n; word &= word - 1)
            to[taken++] = block(lowest_ * word_bits + static_cast<unsigned>(std::countr_zero(word)));
        if (word == 0) ++lowest_;
    }
    used_ += n;
    return n;
}

void block_slab::put(void* b) noexcept {
    auto const offset = static_cast<std::uint32_t>(static_cast<std::byte*>(b) - reinterpret_cast<std::byte*>(this));
    auto const i = (offset - first_) / block_bytes_;
    bits()[i / word_bits] |= std::uint64_t{1} << i % word_bits;
    lowest_ = std::min(lowest_, i / word_bits);
    --used_;
}

}  // namespace ramie::detail
