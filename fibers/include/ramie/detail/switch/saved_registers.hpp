// The registers of a saved context, as an unwinder begins with them. Both layouts are drawn in switch_context.hpp; this
// is the only other place that knows them.
#pragma once

#include <ramie/detail/switch/switch_context.hpp>

#include <cstdint>

namespace ramie::detail {

// Of an x86-64 processor; on others no stack is walked.
struct saved_registers {
    std::uintptr_t ip = 0, sp = 0, fp = 0;
    std::uintptr_t rbx = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
};

#if defined(__x86_64__)

inline constexpr bool stacks_can_be_walked = true;

// `words`: what was saved, or a copy; `at`: where it was saved. (What the inline switch does not save, the function
// that it is part of has in its frame.)
inline saved_registers registers_of(std::uintptr_t const* words, void const* at) noexcept {
    auto const sp = reinterpret_cast<std::uintptr_t>(at);
#if RAMIE_INLINE_SWITCH
    constexpr std::uintptr_t red_zone = 128;
    // A stack that was never run has no frame yet.
    if (words[0] == reinterpret_cast<std::uintptr_t>(&ramie_start_fiber)) return {.ip = words[0], .sp = sp + 8};
    return {.ip = words[0], .sp = sp + 16 + red_zone, .fp = words[1]};
#else
    // Boost's: the two control words, r12 to r15, rbx, rbp, and the address to go on at, which lies above the frame.
    return {.ip = words[7],
            .sp = sp + 64,
            .fp = words[6],
            .rbx = words[5],
            .r12 = words[1],
            .r13 = words[2],
            .r14 = words[3],
            .r15 = words[4]};
#endif
}

#else

inline constexpr bool stacks_can_be_walked = false;
inline saved_registers registers_of(std::uintptr_t const*, void const*) noexcept {
    return {};
}

#endif

}  // namespace ramie::detail
