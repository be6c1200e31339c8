// stdio on pipes, sockets and terminals. libc's FILE functions read and write by names inside libc, so no call of theirs
// comes to ramie::posix; what libramie-hook takes over is the function itself (fgets, fprintf, ...), which says here
// what it is about to do with which FILE. Why not another FILE (fopencookie): it would have no fileno().
//
//   in place     what needs no descriptor: the bytes are in the buffer, or there is room for them; what never waits
//                (regular files, memory streams); and what surely fits into a descriptor that has room
//   parked       else the fiber waits for its descriptor, without a thread; a reader then fills the buffer, once
//   on the pool  what may wait in the middle, and only that: the rest of a line, more than surely fits; made when the
//                descriptor is ready
//
// A FILE's lock belongs to an OS thread. No fiber parks while it holds one: the lock is tried, for a look at the
// buffer and a call in place, and if somebody else holds it (a call on the pool), the call waits for it on the pool too.
// One that the caller's thread held before (flockfile) cannot be taken along there: then the call is made in place,
// and blocks the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace ramie::detail {

enum class file_use : std::uint8_t {
    read,   // `size` bytes, or up to `delimiter`, what comes first
    scan,   // who knows how many
    write,  // `size` bytes
    flush,  // what is in the buffer
    close   // the same, and the FILE is gone
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

// By a fiber. False: it was not made, and errno says why: the fiber was asked to stop, and the FILE has an error. (One
// that was to be closed is closed, without what it had to write.)
bool use_file(file_call const& call) noexcept;

}  // namespace ramie::detail
