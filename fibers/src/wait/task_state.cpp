#include <ramie/detail/wait/task_state.hpp>

#include <ramie/detail/fence/pause.hpp>

namespace ramie::detail {

void task_state::wait_until_told() const noexcept {
    // acquire pairs with the release in told().
    for (int spins = 0; (word_.load(std::memory_order_acquire) & telling_bit) != 0; ++spins) {
        if (spins < 100) cpu_pause();
        else give_processor_away();
    }
}

}  // namespace ramie::detail
