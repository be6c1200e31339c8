// membarrier(2), Linux 4.14: the kernel runs a full barrier on every thread of the process. It may be missing, and it may
// be refused later: a process can forbid it to itself (seccomp), and the kernel can lack memory.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>

namespace ramie::detail {

// False until the program starts; then true if the kernel knows the call; false for good once it has refused one.
RAMIE_API extern atomic<bool> membarrier_works;

// A full barrier on every thread. False: there was none.
[[nodiscard]] RAMIE_API bool fence_every_thread() noexcept;

// Ten milliseconds: what any thread has written before can be read after that. It lasts until the store buffer of its
// processor is empty, which takes no processor a microsecond. It does not matter how long the thread is preempted in
// between, because an interrupt empties the buffer.
//
// Not proved: the language's memory model has no such bound.
RAMIE_API void wait_for_store_buffers() noexcept;

}  // namespace ramie::detail
