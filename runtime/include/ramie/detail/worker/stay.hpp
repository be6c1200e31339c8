// A wait that comes back to the worker it left, for code between whose lines the thread must not change: what reads
// errno, or keeps the address of a thread-local.
//
// While one lives, its fiber is pinned: whoever wakes it posts it to that worker, thieves and spares leave it alone,
// and a spare worker stays on duty for it. The price: if that worker is stuck or lent meanwhile, the fiber waits too.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class task;

class stay {
  public:
    // `fiber`: the running one.
    explicit stay(waiter& fiber) noexcept;
    stay(stay const&) = delete;
    stay& operator=(stay const&) = delete;
    ~stay();

  private:
    task& self_;
    bool const pinned_before_;
};

// The same from one call to another, of the running fiber: as long as it holds what belongs to its thread. They are counted
// (waiter::foreign_locks).
void begin_hold(waiter& fiber) noexcept;
void end_hold(waiter& fiber) noexcept;

}  // namespace ramie::detail
