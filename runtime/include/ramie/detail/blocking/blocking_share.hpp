// What a job of the blocking pool is about. Each kind of work has threads of its own, so that one that takes long does
// not keep the others waiting (blocking_pools.hpp says how many).
#pragma once

#include <cstdint>

namespace ramie::detail {

enum class blocking_share : std::uint8_t {
    jobs,   // the user's: spawn_blocking
    files,  // calls on files
    names,  // look-ups: they wait for servers
    calls,  // foreign calls that wait for whoever ends their wait (flock, msgrcv, system, ...)
    steps   // steps of a computation that finds no room on a fiber's stack (TLS)
};

}  // namespace ramie::detail
