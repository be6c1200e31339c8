// Asks for memory before it is needed: with many tasks in turn each has left the caches before it runs again. Nothing
// here changes what happens, only how long it takes; all of it may be left out. (docs/rationale.md has what it saves.)
#pragma once

#include "queues/run_ring.hpp"

#include <ramie/detail/ground/prefetch_along.hpp>
#include <ramie/detail/task/task.hpp>

#include <cstdint>

namespace ramie::detail {

// For run_ring::pop(): gets what later tasks need on its way.
class prefetch_behind {
  public:
    // `crowd`: more wait than fit in the ring.
    explicit prefetch_behind(bool const& crowd) noexcept : crowd_(crowd) {}

    [[gnu::always_inline]] void operator()(run_ring::rest rest, bool safe) const noexcept {
        if (rest.count > far) fetch(rest.of, rest.first, rest.count, safe, crowd_);
    }

  private:
    static constexpr std::uint32_t far = 6;  // so many entries ahead
    static constexpr int line = 64, lines_of_block = 4, lines_of_stack = 9;  // of a task that waits in its first frames

    // One by one, these are in registers.
    [[gnu::noinline]] static void fetch(run_ring const& of, std::uint32_t first, std::uint32_t count, bool safe,
                                        bool crowd) noexcept {
        run_ring::rest const rest{of, first, count};
        if (crowd) fetch_of_crowd(rest, safe);
        else fetch_one(rest, safe);
    }
    // First the block, then, if the task cannot end meanwhile, what the block points to.
    static void fetch_one(run_ring::rest const& rest, bool safe) noexcept {
        constexpr std::uint32_t near = 2;
        fetch_block(rest.at(far));
        if (!safe) return;
        fetch_top(rest.at(near));
        fetch_stack(rest.at(near));
    }
    // Their stacks have left the TLB too, and a prefetch waits until its address is translated. So eight at a time,
    // whose translations go on beside each other. (For a thousand tasks it would be the worse way.)
    static void fetch_of_crowd(run_ring::rest const& rest, bool safe) noexcept {
        constexpr std::uint32_t group = 8, near = 4, farther = near + group;
        if (rest.first % group != 0 || rest.count < farther + group) return;
        for (auto i = farther; i != farther + group; ++i) fetch_block(rest.at(i));
        if (!safe) return;
        for (auto i = near; i != near + group; ++i) fetch_top(rest.at(i));
        for (auto i = near; i != near + group; ++i) fetch_stack(rest.at(i));
    }

    static void fetch_block(task const& t) noexcept {
        auto const* const block = reinterpret_cast<char const*>(&t);
        for (int n = 0; n < lines_of_block; ++n) __builtin_prefetch(block + n * line);
    }
    // The stack in two steps: its first line and its descriptor; and the other lines, whose address is translated by
    // then.
    static void fetch_top(task const& t) noexcept {
        __builtin_prefetch(t.context);
        __builtin_prefetch(t.stack);
    }
    static void fetch_stack(task const& t) noexcept {
        auto const* const saved = static_cast<char const*>(t.context);
        for (int n = 1; n < lines_of_stack; ++n) __builtin_prefetch(saved + n * line);
    }

    bool const& crowd_;
};

// For a queue that is linked through the tasks themselves: what the one `steps` further on than `next` will be, seen
// from `t`.
inline void prefetch_chain(task const& t, task const* next) noexcept {
    constexpr int steps = 8;
    prefetch_along(&t, next, steps);
}

}  // namespace ramie::detail
