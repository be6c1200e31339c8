// The owner of a lock: a lane that has its runtime to itself (its only worker) takes its locks without atomic
// read-modify-writes. The first other thread that comes ends that for this lock, for good, and pays for both sides:
//
//   owner: each time                              another, once
//   1. inside_ = trying                           a. gate_.close()
//   2. gate_.pass()?  no:  inside_ = out,         b. waits until inside_ is out
//                          and as others do       c. owner_ = given_up
//                     yes: inside_ = in
//   3. is the only one in here
//   4. inside_ = out
//
// Either b sees 1 and waits for 4, or 2 finds the gate closed (asymmetric_gate.hpp, with the proof and what happens
// without membarrier). A lane's number is never used again, and a lane is on one thread at a time, so the owner never
// meets itself. A lane that gets company (block_in_place) stays the owner of its locks.
//
// Checked by a model (tests/model/word_lock_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/this_lane.hpp>

#include <cstdint>

namespace ramie::detail {

class bias {
  public:
    // A number for a lane.
    static lane_number new_number() noexcept;
    static constexpr lane_number stranger = ~lane_number{0};  // never an owner

    // --- the owner ---
    // False: `me` is not the owner, or not any more.
    [[nodiscard, gnu::always_inline]] bool enter(lane_number me) noexcept {
        if (owner_.load(std::memory_order_relaxed) != me) return false;
        inside_.store(trying, std::memory_order_relaxed);
        if (!gate_.pass()) [[unlikely]] {
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
        if (owner != none) take_back();
        else if (me != stranger) give_to(me);
    }

  private:
    static constexpr lane_number none = 0, given_up = 1, first_lane = 2;
    enum : std::uint8_t { out, trying, in };

    void give_to(lane_number me) noexcept {
        gate_.open();
        owner_.store(me, std::memory_order_relaxed);  // from the next time on
    }
    RAMIE_API void take_back() noexcept;

    atomic<lane_number> owner_{none};
    asymmetric_gate gate_;  // open while the lock has an owner
    atomic<std::uint8_t> inside_{out};
};

}  // namespace ramie::detail
