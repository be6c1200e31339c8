// The lane that this OS thread carries, in two instructions: every verb asks for it.
//
// Read anew each time: a fiber may go on in another thread after any suspension, and a compiler may keep a
// thread-local's address over a suspension. So on x86-64 the reads are volatile assembly, which is neither kept over a
// switch nor moved across one (the switch is volatile assembly too). Elsewhere they are calls that the compiler may not
// look into.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/config.hpp>

#include <cstdint>

namespace ramie::detail {

class lane;
using lane_number = std::uint32_t;  // see bias.hpp

// Written by bind_lane() only.
extern "C" constinit thread_local lane* ramie_lane_here;
extern "C" RAMIE_API constinit thread_local lane_number ramie_bias_here;

// From now on this thread carries that lane, or (null) none.
void bind_lane(lane*) noexcept;

#if defined(__x86_64__)

// Null on a plain thread. Must not be kept across a suspension.
[[gnu::always_inline]] inline lane* this_lane() noexcept {
    lane* here;
    asm volatile("movq ramie_lane_here@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(here));
    return here;
}
// The lane's number if it has its runtime to itself; else bias::stranger.
[[gnu::always_inline]] inline lane_number this_bias() noexcept {
    lane_number here;
    void* offset;
    asm volatile("movq ramie_bias_here@gottpoff(%%rip), %1\n\tmovl %%fs:(%1), %0" : "=r"(here), "=&r"(offset));
    return here;
}

#else

lane* this_lane() noexcept;
RAMIE_API lane_number this_bias() noexcept;

#endif

}  // namespace ramie::detail
