#include <ramie/condition_variable.hpp>

#include <ramie/detail/task/end_action.hpp>

#include <memory>
#include <system_error>
#include <utility>

namespace ramie {

condition_variable::~condition_variable() {
    detail::word_guard const held(guard_);  // lets a late notifier out
    queue_.assert_empty("condition_variable");
}

condition_variable::queued_waiter::queued_waiter(condition_variable& cv, detail::waiter& self) noexcept : node(self), cv_(cv) {
    detail::word_guard const held(cv_.guard_);
    cv_.queue_.push_back(node);
}

void condition_variable::queued_waiter::leave(bool notified) noexcept
    RAMIE_RULES_NOT_CHECKED /* leave_line() takes the lock */ {
    if (!queued_) return;
    queued_ = false;
    if (notified) return;
    detail::leave_line(cv_.queue_, cv_.guard_, node);
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

void notify_all_at_thread_exit(condition_variable& changed, unique_lock<mutex> held) {
    if (!held.owns_lock())
        throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                                "ramie: notify_all_at_thread_exit with a lock that is not held");
    // Under the lock: a waiter may destroy the condition variable as soon as it can take the lock.
    auto last = [&changed, lock = std::move(held)]() mutable noexcept {
        changed.notify_all();
        lock.unlock();
    };
    using action = detail::end_action<decltype(last)>;
    action::enlist(std::make_unique<action>(std::move(last)));
}

}  // namespace ramie
