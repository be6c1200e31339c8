// Two fences that together order like two sequentially consistent ones, although one of them is nearly free.
//
//   often: write A; light_fence(); read B          rarely: write B; heavy_fence(); read A
//
// One of the two sides sees the other's write. The heavy fence makes the kernel run a full barrier on every thread of
// the process (membarrier(2), Linux 4.14), so the light one only has to keep the compiler from reordering. If the
// kernel does not know the call, both are full fences.
//
// The kernel may also refuse the call later: a process can forbid it to itself (seccomp), and the kernel can lack
// memory. From that moment on both are full fences, for good:
//
//   1. the first heavy fence that is refused: mode = changing; from here on light fences are full ones
//   2. that fence, and every heavy fence that finds `changing`, waits ten milliseconds
//   3. mode = full; heavy fences are full ones too
//
// A light fence that read the mode before 1 may be under way: its A is written, but still in its processor's store
// buffer, and its B is read already. That lasts until the buffer is empty, which takes no processor a microsecond. It
// does not matter how long the thread is preempted in between, because an interrupt empties the buffer. So after 2 its
// A can be read, or it will see B.
//
// Not proved: the language's memory model has no such bound.
#pragma once

#include <ramie/detail/fence/atomic.hpp>

#include <cstdint>

namespace ramie::detail {

enum class fence_mode : std::uint8_t { full, light, changing };

// Full until the program starts; then light if that works; after that it changes at most once more.
extern atomic<fence_mode> light_fence_mode;

inline bool light_fences_are_light() noexcept {
    return light_fence_mode.load(std::memory_order_relaxed) == fence_mode::light;
}

inline void light_fence() noexcept {
    if (light_fences_are_light()) [[likely]] compiler_fence();
    else thread_fence(std::memory_order_seq_cst);
}

void heavy_fence() noexcept;

// The partner of a fence that only ever keeps the compiler from reordering (bias.hpp): once the kernel refuses, it
// waits ten milliseconds each time.
void heavy_fence_for_compiler_fence() noexcept;

}  // namespace ramie::detail
