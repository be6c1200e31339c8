// From the copy of a stack to its frames: by libunwind, which reads the unwind information of the loaded files and so
// needs no frame pointers; where it is not installed, by frame pointers, which end at the first function that keeps
// none.
//
// libunwind walks as for another process: it asks for each word. A word of the stack comes from the copy. Any other
// address must lie in a loaded file (code, unwind information), or the walk ends there. So nothing that lies on a stack
// can make a walk touch memory that is not there.
#pragma once

#include <ramie/detail/sight/stack_copy.hpp>
#include <ramie/detail/sight/trace.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace ramie::detail {

// How one frame was found: so much of the stack, seen from its top, must be the same on another stack for it to have
// this frame too.
struct frame_check {
    std::uint32_t from_top;
    bool relative;  // `value` is a distance from the top (a frame pointer), not the word itself
    std::uintptr_t value;
};

class unwinder {
  public:
    unwinder();
    ~unwinder();
    unwinder(unwinder const&) = delete;
    unwinder& operator=(unwinder const&) = delete;

    // `checks`: what the walk has read, see frame_check; false: a frame was found in a way that they do not say.
    bool walk(stack_copy const& from, trace& out, std::vector<frame_check>& checks);

    // Whether there is libunwind. Loads it.
    static bool needs_no_frame_pointers() noexcept;

  private:
    struct machine;
    struct frame {
        std::uintptr_t ip, end, fp;  // `end`: its caller's frame lies above
    };
    bool begin(stack_copy const& from);
    bool step(stack_copy const& from, frame& at, std::vector<frame_check>& checks, bool& all_checked);
    static bool step_by_frame_pointer(stack_copy const& from, frame& at, std::vector<frame_check>& checks);

    std::unique_ptr<machine> machine_;
};

}  // namespace ramie::detail
