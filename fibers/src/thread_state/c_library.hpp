// What glibc must tell so that a thread's state can be made by somebody else than pthread_create.
//
// None of it is promised by glibc: the functions are those by which its own parts make and end a thread
// (GLIBC_PRIVATE), and the offsets are those that it tells debuggers (libthread_db's _thread_db_ symbols). So all is
// looked up by name when the process first asks, and compared with the calling thread, whose state glibc has made. What
// does not fit is named, and there are no own thread states then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ramie::detail {

struct c_library {
    // Of glibc's dynamic linker. With a block: only its vector of thread-locals is made, and all of them are
    // initialised. Null: no memory.
    void* (*allocate)(void* block) = nullptr;
    // The vector, what it owns, and (true) the block.
    void (*deallocate)(void* block, bool whole) = nullptr;
    void (*begin_ctype)() = nullptr;        // isalpha() and its kin read a thread-local
    void (*end_thread_locals)() = nullptr;  // runs the destructors of thread_locals

    // pthread keys: its destructor, and whether there is such a key (odd).
    struct key {
        std::uintptr_t sequence;
        void (*destructor)(void*);
    };
    key const* keys = nullptr;
    static constexpr unsigned keys_of_group = 32;

    // In a thread's control block, from the thread pointer.
    std::size_t size = 0;         // from there on
    std::size_t number = 0;       // the thread's number, an int
    std::size_t list = 0;         // two links
    std::size_t robust_list = 0;  // the first link; an empty list points to itself
    std::size_t values = 0;       // a pointer for each group of keys; null (but for the first): none has a value
    std::ptrdiff_t rseq = 0;      // what the kernel keeps up to date for restartable sequences; 0: nothing
    // The C library's own thread-locals (below the thread pointer).
    std::ptrdiff_t own_locals = 0;
    std::size_t size_of_own_locals = 0;

    std::string_view missing = "";  // empty: it can be used. Literals only: with a null byte behind it

    // Looked up once.
    static c_library const& found() noexcept;
};

}  // namespace ramie::detail
