// Whether a worker has a queue of its own to itself: the only worker of its runtime then takes from it without atomic
// read-modify-writes. When a spare comes to help, that ends; when no spare is left, it may begin again.
//
//   owner: each time it takes                      whoever brings company (spare_crew.hpp)
//   1. inside_ = true                              a. alone_ = false
//   2. compiler fence                              b. heavy fence
//   3. alone_?  yes: takes as the only one         c. inside_?  no:  company may come
//               no:  inside_ = false,                           yes: not now; asks again later
//                    takes as one of many
//   4. inside_ = false
//
// Either c sees 1 (and 4 only after all of 3), or 3 sees a. What the owner merely adds needs none of this: it is added in
// one way, alone or not. Only where the kernel has membarrier is anybody alone.
//
// Checked by a model (tests/model/solitude_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/atomic.hpp>


namespace ramie::detail {

class solitude {
  public:
    explicit solitude(bool alone) noexcept : alone_(alone && light_fences_are_light()) {}

    // --- the owner ---
    // True: it is alone, and inside until it leaves.
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        if (!is_on()) return false;
        inside_.store(true, std::memory_order_relaxed);
        compiler_fence();  // step 2; pairs with the heavy fence between a and c
        if (is_on()) [[likely]] return true;
        leave();
        return false;
    }
    void leave() noexcept { inside_.store(false, std::memory_order_release); }  // pairs with owner_is_inside()
    // There is no company, and none comes before this returns.
    void begin() noexcept { alone_.store(light_fences_are_light(), std::memory_order_relaxed); }

    // --- whoever brings company; the owner, when it does ---
    // A heavy fence must follow, and owner_is_inside() after it say no.
    void end() noexcept { alone_.store(false, std::memory_order_relaxed); }
    bool owner_is_inside() const noexcept { return inside_.load(std::memory_order_acquire); }  // pairs with leave()

    // --- anybody ---
    bool is_on() const noexcept { return alone_.load(std::memory_order_relaxed); }

  private:
    atomic<bool> alone_;
    atomic<bool> inside_{false};
};

}  // namespace ramie::detail
