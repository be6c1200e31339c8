// One worker's sleep: a token that is put by unpark() and eaten by the next sleep.
//
//   empty --sleep--> on_futex | in_driver --unpark--> notified --wakes--> empty
//   empty --unpark--> notified --sleep (returns at once)--> empty
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/waiter.hpp>

namespace ramie::detail {

class driver;

class parker {
  public:
    // Sleeps until unpark() or the time. Only the owner.
    void sleep(time_point until) noexcept;

    // Around a turn of the driver. False: there was a token; do not sleep. Only the owner.
    [[nodiscard]] bool enter_driver() noexcept;
    void leave_driver() noexcept;
    bool is_in_driver() const noexcept { return state_.load(std::memory_order_relaxed) == in_driver; }

    // Any thread. What was written before it is seen after the sleep that it ends (release; pairs with the acquire in
    // eat_token()).
    void unpark(driver& d) noexcept;

  private:
    enum : std::uint32_t { empty, notified, on_futex, in_driver };
    void eat_token() noexcept;

    atomic<std::uint32_t> state_{empty};
};

}  // namespace ramie::detail
