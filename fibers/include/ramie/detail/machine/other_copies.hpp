// Two copies of this library in one process: static in the program and in a plugin, or static in one and shared in the
// other. Each has thread-locals of its own, so for one copy the other's fibers are plain threads: if a fiber of the
// program locked a mutex of the plugin's copy, it would block its worker. So the copies know of each other. A copy that
// is about to take another's fiber for a thread ends the process with a message.
//
// How they meet: each has an ELF note in the file it was linked into, which leads to its copy_of_ramie. A copy that is
// loaded looks for such notes in all loaded files, and tells the other copies. (libramie-hook has none: it contains
// nothing of this library.) If the linker has merged two copies into one, as it does for a program that exports its
// symbols, they are the same object, and describe the same fiber.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>

#include <cstddef>
#include <string>

namespace ramie::detail {

inline constexpr std::size_t most_copies = 8;

// What one copy tells another. Plain data, since the other may be of another version.
struct copy_of_ramie {
    static constexpr unsigned current_version = 1;
    unsigned version;
    // Whether the calling thread runs a fiber of that copy, which must not be blocked; if so, writes its name ("task 7
    // "name"").
    bool (*describe_fiber)(char* text, std::size_t room) noexcept;
    void (*meet)(copy_of_ramie const* other) noexcept;
    void (*part)(copy_of_ramie const* other) noexcept;
};

RAMIE_API extern atomic<unsigned> other_copies;

// "task 7 "name" of another copy of Ramie, in FILE"; empty if the calling thread runs no such fiber.
std::string foreign_fiber();

[[gnu::cold]] RAMIE_API void refuse_foreign_fiber_now() noexcept;

// On a thread that runs no fiber of this copy: ends the process if it runs another copy's.
inline void refuse_foreign_fiber() noexcept {
    if (other_copies.load(std::memory_order_relaxed) != 0) [[unlikely]] refuse_foreign_fiber_now();
}

}  // namespace ramie::detail
