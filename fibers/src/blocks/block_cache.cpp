#include <ramie/detail/blocks/block_cache.hpp>

#include "blocks/block_depot.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

void* block_cache::take_from_depot(std::size_t size) {
    auto& here = shelves_[block_size::index(size)];
    if (here == nullptr) here = std::make_unique_for_overwrite<shelf>();  // its array is touched only as it fills
    here->count = block_depot_of(size).take(here->blocks.data(), batch);
    // The blocks go out in the order in which they lie in memory.
    std::reverse(here->blocks.begin(), here->blocks.begin() + here->count);
    return here->blocks[--here->count];
}

void block_cache::put_past(void* block, std::size_t size) noexcept {
    auto& here = shelves_[block_size::index(size)];
    // The first block of its size. This also serves a lane that ends tasks and spawns none: otherwise each end would
    // visit the depot.
    if (here == nullptr) here.reset(new (std::nothrow) shelf);
    if (here == nullptr) return block_depot_of(size).put(&block, 1);
    if (here->count == most) {  // the blocks that lay here longest go to the depot
        block_depot_of(size).put(here->blocks.data(), batch);
        std::copy(here->blocks.begin() + batch, here->blocks.end(), here->blocks.begin());
        here->count -= batch;
    }
    here->blocks[here->count++] = block;
}

void block_cache::flush() noexcept {
    for (std::size_t i = 0; i < shelves_.size(); ++i)
        if (auto const s = std::move(shelves_[i])) block_depot_of(block_size::of(i)).put(s->blocks.data(), s->count);
}

}  // namespace ramie::detail
