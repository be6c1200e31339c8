#include <ramie/latch.hpp>

#include <ramie/detail/wait/await.hpp>

#include <mutex>
#include <stdexcept>

namespace ramie {

void latch::refuse() { throw std::invalid_argument("ramie: a latch cannot expect a negative number"); }

latch::~latch() {
    std::lock_guard held(guard_);  // lets the last one to count down out
    queue_.assert_empty("latch");
}

void latch::count_down(std::ptrdiff_t n) {
    detail::woken_list woken;
    {
        std::lock_guard held(guard_);
        auto const left = left_.load(std::memory_order_relaxed);
        if (n < 0 || n > left) throw std::logic_error("ramie: a latch is counted down below zero");
        // release pairs with the acquire in try_wait(). Earlier count_downs synchronise by guard_.
        left_.store(left - n, std::memory_order_release);
        if (left == n) queue_.claim_all(woken);
    }
    woken.resume_all();
}

bool latch::try_wait() const noexcept {
    return left_.load(std::memory_order_acquire) == 0;  // pairs with the release in count_down()
}

void latch::wait() const {
    auto& self = detail::waiter::enter();
    if (try_wait()) return;
    (void)detail::wait_until_told(guard_, queue_, self, {"latch", this}, detail::never,
                                  [&] { return left_.load(std::memory_order_relaxed) == 0; });
}

void latch::arrive_and_wait(std::ptrdiff_t n) {
    (void)detail::waiter::enter();
    count_down(n);
    if (!try_wait()) wait();
}

}  // namespace ramie
