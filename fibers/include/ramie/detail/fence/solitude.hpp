// Whether a lane is in company: the one object that says so. A runtime's only worker is alone; then it takes from its
// queues without atomic read-modify-writes, need not wake a worker for what it makes runnable, and hands a lock over
// directly. When a spare comes to stand in for it, all of that ends at once, and when no spare is left, it may begin
// again. gate_ (asymmetric_gate.hpp) is open while the lane is alone:
//
//   owner: each time it takes                      the thread that brings company (spare_crew.hpp)
//   1. inside_ = true                              a. gate_.close(); from here on company is expected
//   2. gate_.pass()?                               b. inside_?  no:  company_ = true, and it may come
//      yes: takes as the only one                               yes: not now; asks again later
//      no:  inside_ = false, takes as one of many
//   3. inside_ = false
//
// Either b sees 1 (and 3 only after all of 2), or 2 finds the gate closed. What the owner merely adds needs none of
// this: it is added in one way, alone or not.
//
//   owner: each time it has added something        the same thread, and then the company
//   1. puts it into a queue                        a. gate_.close()
//   2. gate_.pass()? yes: wakes none               b. the company looks into the queues before it sleeps
//
// Either b sees 1, or 2 finds the gate closed, and the owner wakes a sleeper as one of many does
// (runtime/src/sleep/idle.md).
//
// The bringer closes the gate, the owner opens it again; both under the lock of the crew.
//
// Checked by a model (tests/model/solitude_test.cpp).
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>

namespace ramie::detail {

class solitude {
  public:
    explicit solitude(bool is_alone) noexcept : company_(!is_alone) {
        if (is_alone) gate_.open();
    }

    // --- the owner ---
    // True: it is alone, and inside until it leaves.
    [[nodiscard, gnu::always_inline]] bool enter() noexcept {
        inside_.store(true, std::memory_order_relaxed);
        if (gate_.pass()) [[likely]] return true;
        leave();
        return false;
    }
    void leave() noexcept { inside_.store(false, std::memory_order_release); }  // pairs with end()
    // After it has put something where company would find it: no worker is there that must be woken.
    bool needs_no_wake() const noexcept { return gate_.pass(); }
    // Company has come, or is expected.
    bool has_ended() const noexcept { return gate_.is_closed(); }
    // There is no company, and none comes before this returns.
    void begin() noexcept {
        company_.store(false, std::memory_order_relaxed);
        gate_.open();
    }

    // --- the thread that brings company, one at a time ---
    // False: the owner is inside, and company must not come yet.
    [[nodiscard]] bool end() noexcept {
        if (is_in_company()) return true;
        gate_.close();
        if (inside_.load(std::memory_order_acquire)) return false;  // pairs with leave()
        company_.store(true, std::memory_order_relaxed);
        return true;
    }

    // --- any thread ---
    // Others may take from its queues.
    bool is_in_company() const noexcept { return company_.load(std::memory_order_relaxed); }

  private:
    asymmetric_gate gate_;
    atomic<bool> company_;
    atomic<bool> inside_{false};
};

}  // namespace ramie::detail
