// 2 MiB of task blocks of one size: one mmap aligned to its own size, so that a block's address says which slab it is in.
//
//     | descriptor | one bit per block: free | block 0 | block 1 | ...                            |
//
// Blocks go out lowest address first. So memory comes page by page as more blocks are in use at once, and a slab that
// was emptied in any order is filled in address order again. Neither taking nor putting touches the block itself.
//
// Invariant, under the depot's lock: used + bits that are set == capacity, and no bit is set below word `lowest_`.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/intrusive_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ramie::detail {

class block_slab : public list_hook {
  public:
    static constexpr std::size_t bytes = usual_or_in_model(std::size_t{2} << 20, std::size_t{4} << 10);

    // Blocks have block_bytes each, a multiple of 8. Null: the system has no memory.
    static block_slab* map(std::uint32_t block_bytes) noexcept;
    // Only for an idle slab.
    void unmap() noexcept;
    static block_slab& of(void* block) noexcept {
        return *reinterpret_cast<block_slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(bytes - 1));
    }

    // Takes up to `wanted` blocks, in address order; returns how many.
    unsigned take(void** to, unsigned wanted) noexcept;
    void put(void* block) noexcept;

    unsigned capacity() const noexcept { return capacity_; }
    unsigned used() const noexcept { return used_; }
    bool full() const noexcept { return used_ == capacity_; }
    bool idle() const noexcept { return used_ == 0; }

    // The depot's note, while idle().
    std::chrono::steady_clock::time_point idle_since = {};

  private:
    explicit block_slab(std::uint32_t block_bytes) noexcept;

    std::uint64_t* bits() noexcept { return reinterpret_cast<std::uint64_t*>(this + 1); }
    std::byte* block(unsigned i) noexcept { return reinterpret_cast<std::byte*>(this) + first_ + i * block_bytes_; }

    std::uint32_t const block_bytes_;
    std::uint32_t first_ = 0;  // where the blocks begin
    std::uint32_t capacity_ = 0;
    std::uint32_t used_ = 0;
    std::uint32_t lowest_ = 0;  // the index of a word of bits()
};

}  // namespace ramie::detail
