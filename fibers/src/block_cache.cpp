#include <ramie/detail/block_cache.hpp>

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/lane.hpp>

namespace ramie::detail {

#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)

void* take_block(std::size_t size) { return ::operator new(size); }
void put_block(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

void* take_block(std::size_t size) {
    if (auto* const here = carrier::this_lane()) [[likely]] {
        if (auto* const kept = here->blocks.take(size)) return kept;
    }
    return ::operator new(block_cache::rounded(size));
}

void put_block(void* block, std::size_t size) noexcept {
    auto* const here = carrier::this_lane();
    if (here == nullptr || !here->blocks.put(block, size)) ::operator delete(block);
}

#endif

}  // namespace ramie::detail
