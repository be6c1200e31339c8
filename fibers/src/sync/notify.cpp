#include <ramie/notify.hpp>

#include <mutex>

namespace ramie {

notify::~notify() {
    std::lock_guard held(guard_);  // lets a late notifier out
    queue_.assert_empty("notify");
}

void notify::notify_one() noexcept {
    bool served = false;
    guard_.lock();
    auto* const first = queue_.claim_front(served);
    if (!served) permit_ = true;
    guard_.unlock();
    if (first != nullptr) detail::resume(*first);
}

void notify::notify_last() noexcept {
    bool served = false;
    guard_.lock();
    auto* const last = queue_.claim_back(served);
    if (!served) permit_ = true;
    guard_.unlock();
    if (last != nullptr) detail::resume(*last);
}

void notify::notify_all() noexcept {
    detail::woken_list woken;
    std::lock_guard const held(guard_);
    ++calls_to_all_;
    queue_.claim_all(woken);
}

notify::listener notify::listen() noexcept {
    std::lock_guard const held(guard_);
    return listener(*this, calls_to_all_);
}

bool notify::wait_since(std::uint64_t const* since, detail::time_point limit) {
    notification mine(*this, since);
    return detail::obtain(mine, {"notify", this}, limit);
}

}  // namespace ramie
