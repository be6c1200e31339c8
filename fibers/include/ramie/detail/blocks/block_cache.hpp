// Memory for tasks' blocks. A lane keeps the blocks that tasks freed on it, by size, for its next spawns: a spawn that
// follows an end on the same lane gets a block that is still in the processor's cache. Blocks that are too many or too
// few go to and come from a depot that all lanes share, many at a time (src/blocks/block_depot.hpp).
//
// Why not malloc: it has a word before each block and rounds up to pairs of words; and it gives freed blocks out in the
// order of its lists, not of their addresses (docs/rationale.md).
#pragma once

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/ground/least_most.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace ramie::detail {

// Sizes are multiples of a word. A block is as aligned as its size: a type's size is a multiple of its alignment.
namespace block_size {
inline constexpr std::size_t grain = 8, smallest = 64, largest = 1024, count = (largest - smallest) / grain + 1;

constexpr std::size_t index(std::size_t size) noexcept {
    return (most(size, smallest) - smallest + grain - 1) / grain;
}
constexpr std::size_t of(std::size_t index) noexcept { return smallest + index * grain; }
}  // namespace block_size

// Only for the lane that owns it.
class block_cache {
  public:
    block_cache() = default;
    block_cache(block_cache const&) = delete;
    block_cache& operator=(block_cache const&) = delete;
    ~block_cache() { flush(); }

    // For sizes up to block_size::largest. Throws std::bad_alloc.
    [[nodiscard]] void* take(std::size_t size) {
        auto* const here = shelves_[block_size::index(size)].get();
        if (here == nullptr || here->count == 0) [[unlikely]] return take_from_depot(size);
        auto const n = --here->count;
        // All of the block after the next one will soon be written.
        if (n >= 2) prefetch(here->blocks[n - 2], size);
        return here->blocks[n];
    }
    void put(void* block, std::size_t size) noexcept {
        auto* const here = shelves_[block_size::index(size)].get();
        if (here == nullptr || here->count == most) [[unlikely]] return put_past(block, size);
        here->blocks[here->count++] = block;
    }
    // Gives all blocks to the depot: when a worker goes idle for long, and at its end.
    void flush() noexcept;

    static constexpr std::uint32_t batch = 256, most = 4 * batch;

  private:
    struct shelf {
        std::uint32_t count = 0;
        std::array<void*, most> blocks;  // the newest last
    };
    static void prefetch(void* block, std::size_t size) noexcept {
        for (std::size_t at = 0; at < size; at += 64) __builtin_prefetch(static_cast<char*>(block) + at, 1);
    }
    void* take_from_depot(std::size_t size);
    void put_past(void* block, std::size_t size) noexcept;

    std::array<std::unique_ptr<shelf>, block_size::count> shelves_;
};

// Housekeeping: unmaps slabs that were idle for `decay`. Returns when to be called next: time_point::max() if nothing
// is left to return, until blocks are put or flushed again.
std::chrono::steady_clock::time_point trim_blocks(std::chrono::steady_clock::time_point now,
                                                  std::chrono::nanoseconds decay) noexcept;

}  // namespace ramie::detail
