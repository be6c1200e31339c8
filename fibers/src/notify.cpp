#include <ramie/notify.hpp>

#include <ramie/detail/park.hpp>

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

void notify::notify_all() noexcept {
    detail::woken_list woken;
    guard_.lock();
    queue_.claim_all(woken);
    guard_.unlock();
    woken.resume_all();
}

bool notify::wait_limited(detail::time_point limit) {
    auto& self = detail::waiter::self();
    self.abort_point();
    detail::wait_node node(self);
    guard_.lock();
    if (permit_) {
        permit_ = false;
        guard_.unlock();
        return true;
    }
    queue_.push_back(node);
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
