#include <ramie/detail/wait/task_state.hpp>

#include <ramie/detail/fence/pause.hpp>

namespace ramie::detail {

void task_state::wait_until_told() const noexcept {
    spin_wait patience;
    while ((word_.load(std::memory_order_acquire) & telling_bit) != 0) patience.once();  // pairs with the release in told()
}

task_state::claim_result task_state::claim_with_care(std::uint64_t w, std::uint64_t g, outcome how) noexcept {
    if (!is_held(w, g)) return claim_result::lost;
    (void)wait_until_let_go();
    return claim(g, how);
}

task_state::abort_result task_state::abort_with_care(bool only_mark) noexcept {
    (void)wait_until_let_go();
    return abort(only_mark);
}

std::uint64_t task_state::wait_until_let_go() const noexcept {
    spin_wait patience;
    for (;;) {
        // relaxed: the compare_exchange that follows in the caller acquires.
        auto const w = word_.load(std::memory_order_relaxed);
        if ((w & held_bit) == 0) return w;
        patience.once();
    }
}

}  // namespace ramie::detail
