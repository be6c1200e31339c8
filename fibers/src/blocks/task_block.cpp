#include <ramie/detail/blocks/task_block.hpp>

#include "blocks/block_depot.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <new>

namespace ramie::detail {

#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)

void* take_block(std::size_t size) { return ::operator new(size); }
void put_block(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

void* take_block(std::size_t size) {
    if (size > block_size::largest) [[unlikely]] return ::operator new(size);
    if (auto* const here = carrier::this_lane()) [[likely]] return here->blocks.take(size);
    void* block = nullptr;
    (void)block_depot_of(size).take(&block, 1);
    return block;
}

void put_block(void* block, std::size_t size) noexcept {
    if (size > block_size::largest) [[unlikely]] return ::operator delete(block);
    if (auto* const here = carrier::this_lane()) [[likely]] return here->blocks.put(block, size);
    // In a child the depot's lock may have been copied while it was held. Few tasks end there: their blocks are not
    // reused.
    if (!home_process::is_here()) return;
    block_depot_of(size).put(&block, 1);
}

#endif

}  // namespace ramie::detail
