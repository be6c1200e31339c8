// For a few instructions, by fibers and threads alike. Not one of pthread's, which are hooked; and a child of fork finds it
// free, because it is held over the fork (thread.cpp).
#pragma once

#include <atomic>

#include <sched.h>

namespace ramie::threads {

class spin_lock {
  public:
    void lock() noexcept {
        // acquire pairs with the release in unlock().
        while (held_.exchange(true, std::memory_order_acquire)) ::sched_yield();
    }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> held_{false};
};

}  // namespace ramie::threads
