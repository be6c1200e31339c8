#include "sleep/parker.hpp"

#include <ramie/detail/sleep/driver.hpp>
#include <ramie/detail/wait/futex.hpp>

namespace ramie::detail {

void parker::sleep(time_point until) noexcept {
    std::uint32_t expected = empty;
    if (state_.compare_exchange_strong(expected, on_futex, std::memory_order_relaxed)) {
        while (state_.load(std::memory_order_relaxed) == on_futex && futex_wait(state_, on_futex, until)) {}
    }
    eat_token();
}

bool parker::enter_driver() noexcept {
    std::uint32_t expected = empty;
    if (state_.compare_exchange_strong(expected, in_driver, std::memory_order_relaxed)) return true;
    eat_token();
    return false;
}

void parker::leave_driver() noexcept { eat_token(); }

// The owner's last step of each sleep, and the only one that must see what came before the token: acquire pairs with the
// release in unpark().
void parker::eat_token() noexcept { state_.exchange(empty, std::memory_order_acquire); }

void parker::unpark(driver& d) noexcept {
    switch (state_.exchange(notified, std::memory_order_release)) {
        case on_futex: futex_wake(state_); break;
        case in_driver: d.interrupt(); break;
        default: break;
    }
}

}  // namespace ramie::detail
