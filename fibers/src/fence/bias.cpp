#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/bias.hpp>

#include <ramie/detail/fence/pause.hpp>

namespace ramie::detail {

lane_number bias::new_number() noexcept {
    static atomic<lane_number> last{first_lane - 1};
    // After four thousand million lanes further ones have no number.
    auto used = last.load(std::memory_order_relaxed);
    while (used + 1 != stranger) {
        if (last.compare_exchange_weak(used, used + 1, std::memory_order_relaxed)) return used + 1;
    }
    return stranger;
}

void bias::take_back() noexcept {
    gate_.close();
    spin_wait patience;
    while (inside_.load(std::memory_order_acquire) != out) patience.once();  // acquire pairs with leave()
    owner_.store(given_up, std::memory_order_relaxed);
}

}  // namespace ramie::detail
