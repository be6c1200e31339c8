#include "sleep/parker.hpp"

#include <ramie/detail/sleep/driver.hpp>
#include <ramie/detail/wait/futex.hpp>

namespace ramie::detail {

void parker::sleep(time_point until) noexcept {
    std::uint32_t expected = empty;
    if (state_.compare_exchange_strong(expected, on_futex, std::memory_order_acq_rel, std::memory_order_acquire)) {
        while (state_.load(std::memory_order_acquire) == on_futex && futex_wait(state_, on_futex, until)) {}
    }
    state_.exchange(empty, std::memory_order_acq_rel);  // eats the token; acquire pairs with unpark()
}

bool parker::enter_driver() noexcept {
    std::uint32_t expected = empty;
    if (state_.compare_exchange_strong(expected, in_driver, std::memory_order_acq_rel, std::memory_order_acquire))
        return true;
    state_.exchange(empty, std::memory_order_acq_rel);
    return false;
}

void parker::leave_driver() noexcept { state_.exchange(empty, std::memory_order_acq_rel); }

void parker::unpark(driver& d) noexcept {
    switch (state_.exchange(notified, std::memory_order_acq_rel)) {
        case on_futex: futex_wake(state_); break;
        case in_driver: d.interrupt(); break;
        default: break;
    }
}

}  // namespace ramie::detail
