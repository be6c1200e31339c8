// Two fences that together order as two sequentially consistent ones, of which one is nearly free.
//
//   often: write A; light_fence(); read B          rarely: write B; heavy_fence(); read A
//
// One of the two sees the other's write. The heavy one has the kernel run a full barrier on every thread of the process
// (membarrier(2), Linux 4.14), so the light one only has to keep the compiler from reordering. Where the kernel does
// not know the call, both are full fences.
#pragma once

#include <atomic>

namespace ramie::detail {

// Set once, when the program starts. A light fence made before that was a full one.
extern bool membarrier_works;

inline void light_fence() noexcept {
    if (membarrier_works) [[likely]] std::atomic_signal_fence(std::memory_order_seq_cst);
    else std::atomic_thread_fence(std::memory_order_seq_cst);
}

void heavy_fence() noexcept;

}  // namespace ramie::detail
