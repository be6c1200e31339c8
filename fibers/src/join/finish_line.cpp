#include <ramie/detail/join/finish_line.hpp>

#include <mutex>

namespace ramie::detail {

finish_line::~finish_line() {
    std::lock_guard const held(lock_);
    waiters_.assert_empty("join_set");
}

void finish_line::arrive(runner& r) noexcept {
    claimed_waiter first;
    {
        std::lock_guard const held(lock_);
        if (closed_) return;
        arrived_.push_back(r);
        first = waiters_.claim_first();
    }
    if (first.parked != nullptr) resume(*first.parked);
}

runner* finish_line::take_locked() noexcept {
    if (arrived_.empty()) return nullptr;
    auto& first = arrived_.front();
    arrived_.remove(first);
    return &first;
}

runner* finish_line::try_next() noexcept {
    std::lock_guard const held(lock_);
    return take_locked();
}

runner& finish_line::next() {
    auto& self = waiter::enter();
    for (;;) {
        wait_node node(self);
        lock_.lock();
        // A woken waiter looks before it can be aborted again, so an arrival is not left behind.
        if (auto* const here = take_locked()) {
            lock_.unlock();
            return *here;
        }
        waiters_.push_back(node);
        auto const end = park(node, {"a task's end", this}, &lock_);
        if (end.woken()) continue;
        {
            std::lock_guard const held(lock_);
            waiters_.remove(node);
        }
        end.raise();
    }
}

void finish_line::forget(runner& r) noexcept {
    std::lock_guard const held(lock_);
    arrived_.remove(r);
}

void finish_line::close() noexcept {
    std::lock_guard const held(lock_);
    closed_ = true;
    while (take_locked() != nullptr) {}
}

}  // namespace ramie::detail
