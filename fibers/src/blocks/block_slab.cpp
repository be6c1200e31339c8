#include "blocks/block_slab.hpp"

#include "blocks/slab_mapping.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace ramie::detail {

namespace {

constexpr unsigned word_bits = 64;
constexpr std::size_t line = 64;

}  // namespace

block_slab* block_slab::map(std::uint32_t block_bytes) noexcept {
    auto* const at = map_slab(bytes);
    return at != nullptr ? ::new (at) block_slab(block_bytes) : nullptr;
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

void block_slab::unmap() noexcept { unmap_slab(reinterpret_cast<std::byte*>(this), bytes); }

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
