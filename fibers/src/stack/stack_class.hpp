// The geometry of the size classes. Class c has slots of smallest_slot << c bytes, guard included. (A wide slot has the
// same usable bytes, and a guard of more than 1 MiB.) Slots lie one page closer together than that; the guard is
// smaller by this page. The reason: all tasks touch one page of their slot, and pages at distances of a power of two
// share few sets of the second-level TLB; with 1000 tasks in turn each switch would walk the page tables. At distances
// of an odd number of pages they use all sets.
#pragma once

#include <ramie/detail/stack/stack.hpp>

#include <algorithm>

namespace ramie::detail {

constexpr std::size_t slot_bytes(std::uint8_t size_class) noexcept { return smallest_slot << size_class; }

// The system's page: 4 KiB on x86-64, up to 64 KiB on arm64. Async-signal-safe once a slab has been mapped.
std::size_t page_bytes() noexcept;

enum class spacing : std::uint8_t { wide, close };

// A frame of 1 MiB, and what the functions called from it need.
inline constexpr std::size_t wide_guard = (std::size_t{1} << 20) + largest_guard;

// Close: 64 KiB with that page, so that a local array of usual size does not jump over the guard. Small slots give a
// quarter of their size.
inline std::size_t guard_and_stagger(std::uint8_t size_class, spacing apart) noexcept {
    if (apart == spacing::wide) return wide_guard;
    return std::max(page_bytes(), std::min(largest_guard, slot_bytes(size_class) / 4));
}
inline std::size_t stagger_bytes(std::uint8_t size_class, spacing apart) noexcept {
    return guard_and_stagger(size_class, apart) > page_bytes() ? page_bytes() : 0;
}
inline std::size_t guard_bytes(std::uint8_t size_class, spacing apart) noexcept {
    return guard_and_stagger(size_class, apart) - stagger_bytes(size_class, apart);
}
// The usable bytes that a class promises; none where pages are so large that the guard would take the whole slot.
inline std::size_t usable_bytes(std::uint8_t size_class) noexcept {
    return slot_bytes(size_class) - std::min(slot_bytes(size_class), guard_and_stagger(size_class, spacing::close));
}
// From one slot to the next.
inline std::size_t slot_distance(std::uint8_t size_class, spacing apart) noexcept {
    return usable_bytes(size_class) + guard_bytes(size_class, apart);
}

// A slab has 64 MB, or a few slots of the largest classes.
inline unsigned slots_per_slab(std::uint8_t size_class, spacing apart) noexcept {
    auto const slot = apart == spacing::wide ? slot_distance(size_class, apart) : slot_bytes(size_class);
    return usual_or_in_model(static_cast<unsigned>(std::max<std::size_t>(4, (std::size_t{64} << 20) / slot)), 2u);
}

// A cache holds two magazines: 64 stacks of the default class; and at most 16 MiB (or two stacks), counted as if each
// stack were used down to the guard.
constexpr unsigned magazine_size(std::uint8_t size_class) noexcept {
    return static_cast<unsigned>(std::clamp<std::size_t>((std::size_t{8} << 20) / slot_bytes(size_class), 1, 32));
}

// The tops of neighbours differ: they lie 0 to 7 cache lines below the slot's end, which takes at most 448 bytes of the
// hot page.
constexpr std::size_t colour_bytes(unsigned slot) noexcept { return slot % 8 * 64; }

// One past the slot's last byte; and the start of its last page.
inline std::byte* end_of(stack const& s) noexcept { return s.bottom + usable_bytes(s.size_class); }
inline std::byte* hot_page_of(stack const& s) noexcept { return end_of(s) - page_bytes(); }

}  // namespace ramie::detail
