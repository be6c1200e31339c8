// Whether a lane is in company: the one object that says so. A runtime's only worker is alone; then it takes from its
// queues without atomic read-modify-writes, need not wake a worker for what it makes runnable, and hands a lock over
// directly. When a spare comes to stand in for it, all of that ends at once, and when no spare is left, it may begin
// again.
//
//   owner: each time it takes                      the thread that brings company (spare_crew.hpp)
//   1. inside_ = true                              a. state_ = expecting
//   2. compiler fence                              b. heavy fence
//   3. state_ is alone?                            c. inside_?  no:  state_ = company, which may come
//      yes: takes as the only one                               yes: not now; asks again later
//      no:  inside_ = false, takes as one of many
//   4. inside_ = false
//
// Either c sees 1 (and 4 only after all of 3), or 3 sees a. What the owner merely adds needs none of this: it is added
// in one way, alone or not.
//
//   owner: each time it has added something        the same thread, and then the company
//   1. puts it into a queue                        a. state_ = expecting
//   2. compiler fence                              b. heavy fence
//   3. state_ is alone? yes: wakes none            c. the company looks into the queues before it sleeps
//
// Either c sees 1, or 3 sees a, and the owner wakes a sleeper as one of many does (runtime/src/sleep/idle.md).
//
// expecting -> company is made by the bringer, company or expecting -> alone by the owner; both under the lock of the
// crew. Where the kernel has no membarrier, a lane that is alone does everything as one of many (`apart`).
//
// Checked by a model (tests/model/solitude_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/atomic.hpp>

#include <cstdint>

namespace ramie::detail {

class solitude {
  public:
    explicit solitude(bool is_alone) noexcept : state_(is_alone ? without_company() : state::company) {}

    // --- the owner ---
    // True: it is alone, and inside until it leaves.
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        inside_.store(true, std::memory_order_relaxed);
        compiler_fence();  // step 2; pairs with the heavy fence in end()
        if (state_.load(std::memory_order_relaxed) == state::alone) [[likely]] return true;
        leave();
        return false;
    }
    void leave() noexcept { inside_.store(false, std::memory_order_release); }  // pairs with end()
    // After it has put something where company would find it.
    bool has_nobody_to_wake() const noexcept {
        compiler_fence();  // pairs with the heavy fence in end()
        return state_.load(std::memory_order_relaxed) == state::alone;
    }
    // Company has come, or is expected.
    bool has_ended() const noexcept {
        auto const s = state_.load(std::memory_order_relaxed);
        return s == state::company || s == state::expecting;
    }
    // There is no company, and none comes before this returns.
    void begin() noexcept { state_.store(without_company(), std::memory_order_relaxed); }

    // --- the thread that brings company, one at a time ---
    // False: the owner is inside, and company must not come yet.
    [[nodiscard]] bool end() noexcept {
        if (is_in_company()) return true;
        state_.store(state::expecting, std::memory_order_relaxed);
        heavy_fence_for_compiler_fence();  // pairs with the compiler fences of the owner
        if (inside_.load(std::memory_order_acquire)) return false;  // pairs with leave()
        state_.store(state::company, std::memory_order_relaxed);
        return true;
    }

    // --- any thread ---
    // Others may take from its queues.
    bool is_in_company() const noexcept { return state_.load(std::memory_order_relaxed) == state::company; }

  private:
    enum class state : std::uint8_t { company, expecting, alone, apart };

    static state without_company() noexcept { return light_fences_are_light() ? state::alone : state::apart; }

    atomic<state> state_;
    atomic<bool> inside_{false};
};

}  // namespace ramie::detail
