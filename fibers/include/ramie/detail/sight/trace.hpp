// Where a stack is: the addresses of its frames, the innermost first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ramie::detail {

struct trace {
    static constexpr std::size_t most_frames = 512;

    enum class ending : std::uint8_t {
        entry,     // it goes to the task's entry
        deep,      // there are more frames than are shown or copied
        lost,      // a frame has no unwind information, or leads nowhere
        not_taken  // there is no copy of the stack
    };

    // The first is where the stack goes on; the others are return addresses, which lie behind their calls.
    std::vector<std::uintptr_t> frames;
    ending end = ending::not_taken;

    bool operator==(trace const&) const = default;
};

}  // namespace ramie::detail
