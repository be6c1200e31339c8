// A wait that comes back to the worker it left, for code during which the thread must not change: code that reads
// errno, or keeps the address of a thread-local.
//
// While one of these lives, its fiber is pinned: a waker posts it to that worker, thieves and spares leave it alone,
// and a spare worker stays on duty for it. The price: if that worker is stuck or lent meanwhile, the fiber waits too.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class task;

class stay {
  public:
    // `fiber`: the running fiber.
    explicit stay(waiter& fiber) noexcept;
    stay(stay const&) = delete;
    stay& operator=(stay const&) = delete;
    ~stay();

  private:
    task& self_;
    bool const pinned_before_;
};

// The same from one call to another, for the running fiber: as long as it holds something that belongs to its thread.
// The holds are counted (waiter::foreign_locks).
void begin_hold(waiter& fiber) noexcept;
void end_hold(waiter& fiber) noexcept;

}  // namespace ramie::detail
