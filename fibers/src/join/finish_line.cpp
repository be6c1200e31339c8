#include <ramie/detail/join/finish_line.hpp>

#include <ramie/detail/wait/await.hpp>

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
    // A woken waiter looks before it can be aborted again, so an arrival is not left behind.
    auto const held = await(lock_, waiters_, {"a task's end", this}, never, [&] { return !arrived_.empty(); });
    return *take_locked();
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
