#include <ramie/task_tracker.hpp>

#include <ramie/detail/wait/await.hpp>

#include <mutex>

namespace ramie::detail {

void tracked_count::wake_if_over(woken_list& woken) noexcept {
    if (closed_ && count_ == 0) queue_.claim_all(woken);
}

void tracked_count::add() noexcept {
    std::lock_guard const held(guard_);
    ++count_;
}

void tracked_count::remove() noexcept {
    woken_list woken;
    std::lock_guard const held(guard_);
    --count_;
    wake_if_over(woken);
}

void tracked_count::set_closed(bool closed) noexcept {
    woken_list woken;
    std::lock_guard const held(guard_);
    closed_ = closed;
    wake_if_over(woken);
}

bool tracked_count::is_closed() const noexcept {
    std::lock_guard const held(guard_);
    return closed_;
}

std::size_t tracked_count::count() const noexcept {
    std::lock_guard const held(guard_);
    return count_;
}

void tracked_count::wait() {
    (void)wait_until_told(guard_, queue_, waiter::enter(), {"task_tracker", this}, never,
                          [&] { return closed_ && count_ == 0; });
}

}  // namespace ramie::detail
