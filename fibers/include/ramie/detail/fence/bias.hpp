// The owner of a lock: a lane that has its runtime to itself (its only worker) takes its locks without atomic
// read-modify-writes. The first other thread that comes ends that for this lock, for good, and pays for both sides.
//
//   owner: each time                              another, once
//   1. inside_ = trying                           a. owner_ = being_taken_back
//   2. compiler fence                             b. heavy_fence_for_compiler_fence()
//   3. owner_ is me?  no:  inside_ = out,         c. waits until inside_ is out
//                          and as others do       d. owner_ = given_up
//                     yes: inside_ = in
//   4. is the only one in here
//   5. inside_ = out
//
// Either c sees 1 and waits for 5, or 3 sees a. A lane's number is never used again, and a lane is on one thread at a
// time, so the owner never meets itself. A lane that gets company (block_in_place) stays the owner of its locks. Once
// the kernel refuses membarrier (asymmetric_fence.hpp), no lock is given to a lane any more, and b takes ten
// milliseconds.
//
// Checked by a model (tests/model/word_lock_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/this_lane.hpp>

#include <cstdint>

namespace ramie::detail {

class bias {
  public:
    // A number for a lane; `stranger` if the kernel has no membarrier, or refuses it by now.
    static lane_number new_number() noexcept;
    static constexpr lane_number stranger = ~lane_number{0};  // never an owner

    // --- the owner ---
    // False: `me` is not the owner, or not any more.
    [[nodiscard, gnu::always_inline]] bool enter(lane_number me) noexcept {
        if (owner_.load(std::memory_order_relaxed) != me) return false;
        inside_.store(trying, std::memory_order_relaxed);
        compiler_fence();  // step 2; pairs with the heavy fence in take_back()
        if (owner_.load(std::memory_order_relaxed) != me) [[unlikely]] {
            leave();
            return false;
        }
        inside_.store(in, std::memory_order_relaxed);
        return true;
    }
    void leave() noexcept { inside_.store(out, std::memory_order_release); }  // pairs with the acquire in take_back()
    // For a thread that may be the only one in here: the owner, or another one that has revoked the bias.
    bool is_inside() const noexcept { return inside_.load(std::memory_order_relaxed) == in; }

    // --- a thread that has excluded all but the owner ---
    // Gives the lock to the lane `me` if it never had an owner; revokes the bias if it has one.
    void exclude_owner(lane_number me) noexcept {
        auto const owner = owner_.load(std::memory_order_relaxed);
        if (owner == given_up) [[likely]] return;
        if (owner != nobody) take_back();
        else if (me != stranger && light_fences_are_light())
            owner_.store(me, std::memory_order_relaxed);  // from the next time on
    }

  private:
    static constexpr lane_number nobody = 0, given_up = 1, being_taken_back = 2, first_lane = 3;
    enum : std::uint8_t { out, trying, in };

    void take_back() noexcept;

    atomic<lane_number> owner_{nobody};
    atomic<std::uint8_t> inside_{out};
};

}  // namespace ramie::detail
