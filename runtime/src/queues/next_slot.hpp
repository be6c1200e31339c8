// The task a worker runs next, one that was just woken. The owner uses the slot at every wake and pick, so it needs no
// atomic read-modify-writes; a thief comes only when the owner is stuck or lent, and pays for both.
//
//   owner: each operation                          thief
//   1. touching_ = true                            a. lock_; gate_.close()
//   2. gate_.pass()?                               b. touching_?  yes: the owner is not stuck; goes away
//      no:  touching_ = false,                                    no:  takes the task
//           and again under lock_                  c. gate_.open(); unlock
//      yes: reads and writes slot_
//   3. touching_ = false
//
// Either b sees 1 (the owner is inside, or has been since), or 2 finds the gate closed and waits at the lock until c
// (asymmetric_gate.hpp).
//
// Checked by a model (tests/model/next_slot_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/task/task.hpp>

#include <mutex>

namespace ramie::detail {

// `Gate`: a test may stop inside it.
template <class Gate>
class basic_next_slot {
  public:
    basic_next_slot() noexcept { gate_.open(); }

    // --- owner ---
    // Returns the former task.
    task* put(task* t) noexcept {
        touching_.store(true, std::memory_order_relaxed);
        if (!gate_.pass()) [[unlikely]] return put_after_thief(t);
        auto* const before = slot_.load(std::memory_order_relaxed);
        slot_.store(t, std::memory_order_relaxed);
        touching_.store(false, std::memory_order_release);  // pairs with steal(): slot_ and what is in it are seen
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
        gate_.close();
        task* taken = nullptr;
        // acquire pairs with the releases in put() and put_after_thief(): their effects are seen. What was put under the lock
        // is seen by the lock.
        if (!touching_.load(std::memory_order_acquire)) {
            taken = slot_.load(std::memory_order_relaxed);
            slot_.store(nullptr, std::memory_order_relaxed);
        }
        gate_.open();
        return taken;
    }

  private:
    [[gnu::noinline]] task* put_after_thief(task* t) noexcept {
        touching_.store(false, std::memory_order_release);  // pairs with steal()
        std::lock_guard const held(lock_);
        auto* const before = slot_.load(std::memory_order_relaxed);
        slot_.store(t, std::memory_order_relaxed);
        return before;
    }

    atomic<task*> slot_{nullptr};
    atomic<bool> touching_{false};
    Gate gate_;  // closed while a thief is at the slot
    word_lock lock_;
};

using next_slot = basic_next_slot<asymmetric_gate>;

}  // namespace ramie::detail
