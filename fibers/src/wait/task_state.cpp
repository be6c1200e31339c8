#include <ramie/detail/wait/task_state.hpp>

#include <ramie/detail/fence/pause.hpp>

namespace ramie::detail {

void task_state::wait_until_told() const noexcept {
    spin_wait patience;
    while ((word_.load(std::memory_order_acquire) & telling_bit) != 0) patience.once();  // pairs with the release in told()
}

}  // namespace ramie::detail
