// Two fences that together order as two sequentially consistent ones, of which one is nearly free.
//
//   often: write A; light_fence(); read B          rarely: write B; heavy_fence(); read A
//
// One of the two sees the other's write. The heavy one has the kernel run a full barrier on every thread of the process
// (membarrier(2), Linux 4.14), so the light one only has to keep the compiler from reordering. Where the kernel does
// not know the call, both are full fences.
//
// The kernel may also refuse the call later: a process can forbid it to itself (seccomp), and it can lack memory. Then
// both are full fences from that moment on, for good:
//
//   1. the first heavy fence that is refused: mode = changing; from here on light fences are full ones
//   2. it, and every heavy fence that finds `changing`, sits out ten milliseconds
//   3. mode = full; heavy fences are full ones too
//
// A light fence that read the mode before 1 may be in the middle of it: its A is written, but still in its processor's
// store buffer, and its B read already. That lasts while the buffer empties, and no processor takes a microsecond for it
// if it can help it; nor does it matter how long the thread is preempted in between, for an interrupt empties the buffer.
// So after 2 its A is there to be read, or it will see B.
//
// Unproved: the languages's memory model knows no such bound.
#pragma once

#include <ramie/detail/fence/atomic.hpp>

#include <cstdint>

namespace ramie::detail {

enum class fence_mode : std::uint8_t { full, light, changing };

// Full until the program starts; then light where that works, and after that at most once something else.
extern atomic<fence_mode> light_fence_mode;

inline bool light_fences_are_light() noexcept {
    return light_fence_mode.load(std::memory_order_relaxed) == fence_mode::light;
}

inline void light_fence() noexcept {
    if (light_fences_are_light()) [[likely]] compiler_fence();
    else thread_fence(std::memory_order_seq_cst);
}

void heavy_fence() noexcept;

// The partner of a fence that keeps the compiler from reordering and never does more (bias.hpp): sits out each time once
// the kernel refuses.
void heavy_fence_for_compiler_fence() noexcept;

}  // namespace ramie::detail
