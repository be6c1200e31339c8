// How a plain thread waits: on a futex of its own. It serves threads of a runtime's blocking pool and threads that
// belong to no runtime.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/budget.hpp>
#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class thread_waiter : public waiter {
  public:
    thread_waiter() noexcept : waiter(kind::thread, task_state::phase::running, false) {}
    static thread_waiter& of_this_thread() noexcept;
    // visit(waiter, its thread's number, with) for all threads that have waited and live. A lock is held meanwhile, which
    // a thread takes at its first wait and at its end.
    using visitor = void (*)(thread_waiter&, int thread, void* with);
    static void for_each(visitor visit, void* with);

    // Parks in wait `g` until claimed and resumed, or until the deadline claims it.
    void park(std::uint64_t g, word_lock* held, time_point until) noexcept;

    // Called once its wait was claimed. The thread does not leave park() before this call, so until then a claimer may
    // use what lies in the thread's frame.
    void resume() noexcept;

    // True: it is time to check the deadline (budget.hpp).
    [[nodiscard]] bool spend(std::uint32_t cost) noexcept {
        bool const used_up = budget_.spend(cost);
        if (used_up) budget_.renew();
        return used_up;
    }

    // Whether the wait that it is in ends by itself.
    bool has_limit() const noexcept { return has_limit_.load(std::memory_order_relaxed); }

    // A number from 1 on that no other thread of this process has or had. Only for the thread itself.
    std::uint64_t number() noexcept;

  private:
    fiber_budget budget_;
    // 0: not resumed yet, 1: resumed. release in resume() pairs with the acquire in park().
    atomic<std::uint32_t> token_{0};
    atomic<bool> has_limit_{false};
    std::uint64_t number_ = 0;  // 0: not asked for yet
};

}  // namespace ramie::detail
