// A thread's state without a thread: a control block as pthread_create makes it, with its thread-locals below.
//
//     block:   ... thread-locals of each library | control block: itself, the vector of thread-locals, canaries,
//                                                 | the thread's number, values of pthread keys, ...
//                                                 ^ the thread pointer points here
//
// Blocks are never given back: what the C library keeps in one (malloc's cache of small pieces, above all) can only be
// freed by a thread's end, which nobody but the C library can do. So a block that is put back keeps the C library's own
// thread-locals and is used again; everybody else's are initialised anew, as for a new thread. There are as many as
// tasks had one at the same time, at most.
//
// Any thread may take and put; a taken block is its task's.
#pragma once

#include <cstddef>

namespace ramie::detail {

struct thread_block {
    void* pointer = nullptr;       // the thread pointer
    std::byte* kept = nullptr;     // the C library's own thread-locals meanwhile
    thread_block* next = nullptr;  // in the list of those that are not used
    bool has_vector = false;

    // As a new thread's, but for what the C library keeps. std::bad_alloc. Only if nothing is missing
    // (own_thread_state.hpp).
    static thread_block& take();
    // After end_thread(), which it must have run itself.
    void put() noexcept;

    // How many there are.
    static std::size_t count() noexcept;
};

// What a new thread does first, and last: the destructors of its thread_locals, then of its pthread keys, in rounds as
// POSIX has it. On the block, by its user; the destructors are user code, and may wait.
void begin_thread() noexcept;
void end_thread() noexcept;

// The calling thread registered its restartable sequences by that control block, which may go.
void unregister_sequences(void* block) noexcept;

}  // namespace ramie::detail
