#include <ramie/notify.hpp>

#include <ramie/detail/wait/park.hpp>

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
    auto& self = detail::waiter::enter();
    detail::wait_node node(self);
    {
        std::unique_lock held(guard_);
        if (since != nullptr && *since != calls_to_all_) return true;
        if (permit_) {
            permit_ = false;
            return true;
        }
        queue_.push_back(node);
        held.release();
    }
    auto const end = detail::park(node, {"notify", this}, &guard_, limit);
    if (end.woken()) return true;
    {
        std::lock_guard held(guard_);
        queue_.remove(node);
    }
    end.raise();
    return false;
}

}  // namespace ramie
