// stdio on pipes, sockets and terminals. libc's FILE functions read and write by names inside libc, so their calls
// never come to ramie::posix. libramie-hook takes over the functions themselves (fgets, fprintf, ...); each says here
// what it will do with which FILE. Why not a FILE of our own (fopencookie): it would have no fileno().
//
//   in place     calls that need no descriptor, because the bytes are in the buffer or there is room for them; calls
//                that never wait (regular files, memory streams); and writes that surely fit into a descriptor that has
//                room
//   parked       else the fiber waits for its descriptor, without a thread; a reader then fills the buffer, once
//   on the pool  only calls that may wait in the middle: for the rest of a line, or with more than surely fits. Made
//                when the descriptor is ready
//
// A FILE's lock belongs to an OS thread. No fiber parks while it holds one: the lock is tried, for a look at the buffer
// and a call in place, and if another thread holds it (for a call on the pool), the call waits for it on the pool too.
// A lock that the caller's thread held before (flockfile) cannot be used by a pool thread: then the call is made in
// place, and blocks the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace ramie::detail {

enum class file_use : std::uint8_t {
    read,   // `size` bytes, or up to `delimiter`, whichever comes first
    scan,   // an unknown number of bytes
    write,  // `size` bytes
    flush,  // all bytes in the buffer
    close   // the same, and the FILE ends
};

struct file_call {
    static constexpr int no_delimiter = -1;

    FILE* file;  // null: all of them
    file_use use;
    std::size_t size;
    int delimiter;
    void (*make)(void* argument);
    void* argument;
};

// By a fiber. False: the call was not made, and errno says why: the fiber was asked to stop, and the FILE has an error.
// (A FILE to be closed is closed in any case; bytes it still had to write are lost.)
bool use_file(file_call const& call) noexcept;

}  // namespace ramie::detail
