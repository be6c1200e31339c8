// The task a worker runs next, one that was just woken. The owner uses the slot at every wake and pick, so it needs no
// atomic read-modify-writes; a thief comes only when the owner is stuck or lent, and pays for both.
//
//   owner: each operation                          thief
//   1. touching_ = true                            a. lock_; robbed_ = true
//   2. light_fence()                               b. heavy_fence()
//   3. robbed_?  yes: touching_ = false,           c. touching_?  yes: the owner is not stuck; goes away
//                     and again under lock_                       no:  takes the task
//                no:  reads and writes slot_       d. robbed_ = false; unlock
//   4. touching_ = false
//
// Either c sees 1 (the owner is inside, or has been since), or 3 sees a and waits at the lock until d.
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/task/task.hpp>

#include <mutex>

namespace ramie::detail {

struct asymmetric_fences {
    static void light() noexcept { light_fence(); }
    static void heavy() noexcept { heavy_fence(); }
};

// `Fences`: a test may stop inside them.
template <class Fences>
class basic_next_slot {
  public:
    // --- owner ---
    // Returns the former task.
    task* put(task* t) noexcept {
        touching_.store(true, std::memory_order_relaxed);
        Fences::light();
        // acquire pairs with the release in steal().
        if (robbed_.load(std::memory_order_acquire)) [[unlikely]] return put_after_thief(t);
        auto* const before = slot_.load(std::memory_order_relaxed);
        slot_.store(t, std::memory_order_release);         // pairs with steal()
        touching_.store(false, std::memory_order_release);  // pairs with steal()
        return before;
    }
    task* take() noexcept { return empty() ? nullptr : put(nullptr); }
    // --- owner; for other threads only a hint ---
    bool empty() const noexcept { return slot_.load(std::memory_order_relaxed) == nullptr; }

    // --- any thread ---
    // seq_cst: one of the looks that a worker takes between its sleep fence and its sleep (idle.md).
    bool is_full() const noexcept { return slot_.load(std::memory_order_seq_cst) != nullptr; }
    task* steal() noexcept {
        if (!is_full()) return nullptr;
        std::lock_guard const held(lock_);
        robbed_.store(true, std::memory_order_relaxed);
        Fences::heavy();
        task* taken = nullptr;
        // acquire pairs with the releases in put() and put_after_thief(): their effects are seen.
        if (!touching_.load(std::memory_order_acquire)) {
            taken = slot_.load(std::memory_order_acquire);
            slot_.store(nullptr, std::memory_order_relaxed);
        }
        robbed_.store(false, std::memory_order_release);  // pairs with put()
        return taken;
    }

  private:
    [[gnu::noinline]] task* put_after_thief(task* t) noexcept {
        touching_.store(false, std::memory_order_release);  // pairs with steal()
        std::lock_guard const held(lock_);
        auto* const before = slot_.load(std::memory_order_relaxed);
        slot_.store(t, std::memory_order_release);  // pairs with steal()
        return before;
    }

    atomic<task*> slot_{nullptr};
    atomic<bool> touching_{false};
    atomic<bool> robbed_{false};
    word_lock lock_;
};

using next_slot = basic_next_slot<asymmetric_fences>;

}  // namespace ramie::detail
