// The kind of work of a job of the blocking pool. Each kind has threads of its own, so that slow work of one kind does
// not keep the others waiting (blocking_pools.hpp says how many).
#pragma once

#include <cstdint>

namespace ramie::detail {

enum class blocking_share : std::uint8_t {
    jobs,   // the user's: spawn_blocking
    files,  // calls on files
    names,  // look-ups: they wait for servers
    calls,  // foreign calls that wait for another thread or process (flock, msgrcv, system, ...)
    steps   // steps of a computation that finds no room on a fiber's stack (TLS)
};

}  // namespace ramie::detail
