#include <ramie/condition_variable.hpp>

#include <mutex>

namespace ramie {

condition_variable::~condition_variable() {
    std::lock_guard held(guard_);  // lets a late notifier out
    queue_.assert_empty("condition_variable");
}

condition_variable::place::place(condition_variable& cv, detail::waiter& self) noexcept : node(self), cv_(cv) {
    std::lock_guard held(cv_.guard_);
    cv_.queue_.push_back(node);
}

void condition_variable::place::leave(bool notified) noexcept {
    if (!queued_) return;
    queued_ = false;
    if (notified) return;
    std::lock_guard held(cv_.guard_);
    cv_.queue_.remove(node);
}

void condition_variable::notify_one() noexcept {
    bool served = false;
    guard_.lock();
    auto* const first = queue_.claim_front(served);
    guard_.unlock();
    if (first != nullptr) detail::resume(*first);
}

void condition_variable::notify_all() noexcept {
    detail::woken_list woken;
    guard_.lock();
    queue_.claim_all(woken);
    guard_.unlock();
    woken.resume_all();
}

}  // namespace ramie
