// The end of a runtime: what the threads that still use it and the one that ends it must see of each other.
//
//   a spawn                                    the end
//   1. lists the task                          a. closes the gate (asymmetric_gate.hpp)
//   2. passes the gate? else it is born        b. marks all tasks that are listed as aborted
//      cancelled
//   Either b finds the task, or 2 finds the gate closed.
//
//   a post from a foreign thread               the end, when no task is left
//   1. counts itself                           c. waits until none is counted
//   2. makes a task runnable, or ends it       d. takes the runtime apart
//   3. counts itself out (release)
//   The task that 2 is about is not over before 2, so the end does not come to c before 1.
//
//   something ends                             waiting for that
//   1. it is over                              e. reads `ended` (acquire)
//   2. ended + 1 (release), wakes              f. is all over? else sleeps while `ended` is what e read, and so on
#pragma once

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <cstdint>

namespace ramie::detail {

class ending {
  public:
    ending() noexcept { spawns_.open(); }

    bool has_begun() const noexcept { return spawns_.is_closed(); }
    void begin() noexcept { spawns_.close(); }
    // Of a task that was just listed.
    bool came_too_late() const noexcept { return !spawns_.pass(); }

    // A foreign thread is between making a task runnable and its last touch of the runtime. Null: it is not foreign.
    class foreign_post {
      public:
        explicit foreign_post(ending* of) noexcept : of_(of) {
            if (of_ != nullptr) of_->foreign_posts_.fetch_add(1, std::memory_order_relaxed);
        }
        foreign_post(foreign_post const&) = delete;
        foreign_post& operator=(foreign_post const&) = delete;
        // release pairs with the acquire in wait_for_posts().
        ~foreign_post() {
            if (of_ != nullptr) of_->foreign_posts_.fetch_sub(1, std::memory_order_release);
        }

      private:
        ending* of_;
    };
    void wait_for_posts() const noexcept {
        while (foreign_posts_.load(std::memory_order_acquire) != 0) give_processor_away();
    }

    void something_ended() noexcept {
        ended_.fetch_add(1, std::memory_order_release);  // pairs with wait()
        futex_wake(ended_);
    }
    // Until is_over(), which each end may make true. False: the time is up, and it is not over.
    template <class IsOver>
    [[nodiscard]] bool wait(time_point until, IsOver is_over) {
        for (;;) {
            // acquire pairs with the release in something_ended().
            auto const seen = ended_.load(std::memory_order_acquire);
            if (is_over()) return true;
            // relaxed: what ended is looked for only after the acquire above has read the same number, or a later one.
            while (ended_.load(std::memory_order_relaxed) == seen) {
                if (!futex_wait(ended_, seen, until)) return is_over();
            }
        }
    }

  private:
    asymmetric_gate spawns_;
    atomic<std::uint32_t> ended_{0};
    atomic<std::uint32_t> foreign_posts_{0};
};

}  // namespace ramie::detail
