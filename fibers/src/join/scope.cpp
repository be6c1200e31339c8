#include <ramie/scope.hpp>

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/await.hpp>

#include <mutex>

namespace ramie::detail {

scope_children::~scope_children() {
    if (!home_process::is_here()) return;
    std::lock_guard const held(guard_);  // lets the last child out
}

void scope_children::enter() noexcept {
    std::lock_guard const held(guard_);
    ++count_;
}

void scope_children::leave(scope_child* child) noexcept {
    woken_list woken;
    std::lock_guard const held(guard_);
    if (child != nullptr) {
        running_.remove(*child);  // or from the other list
        child->of_ = nullptr;
    }
    if (--count_ == 0) queue_.claim_all(woken);
}

void scope_children::adopt(scope_child& child, task& its_task) noexcept {
    {
        std::lock_guard const held(guard_);
        if (child.of_ == nullptr) return;
        child.task_ = &its_task;
        if (!for_good_) return running_.push_back(child);
        aborted_.push_back(child);
    }
    its_task.abort();
}

void scope_children::failed(std::exception_ptr cause) noexcept {
    {
        std::lock_guard const held(guard_);
        if (failure_) return;
        failure_ = std::move(cause);
    }
    abort_all_for_good();
}

void scope_children::abort_all_for_good() noexcept {
    {
        std::lock_guard const held(guard_);
        for_good_ = true;
    }
    abort_all();
}

void scope_children::abort_all() noexcept {
    // One at a time: an abort may run destructors, which may call us.
    for (;;) {
        abort_handle child;
        {
            std::lock_guard const held(guard_);
            if (running_.empty()) return;
            auto& first = running_.front();
            running_.remove(first);
            aborted_.push_back(first);
            child = access::make<abort_handle>(first.task_);
        }
        child.abort();
    }
}

std::size_t scope_children::size() const noexcept {
    std::lock_guard const held(guard_);
    return count_;
}

std::exception_ptr scope_children::first_failure() const noexcept {
    std::lock_guard const held(guard_);
    return failure_;
}

void scope_children::wait() {
    (void)wait_until_told(guard_, queue_, waiter::enter(), {"scope", this}, never, [&] { return count_ == 0; });
}

void scope_children::end(bool abort_first) noexcept {
    if (!home_process::is_here()) return;  // in a child they never end
    if (!abort_first) {
        try {
            wait();
            return;
        } catch (...) {
            // The owner is to stop (it will be told again at its next abort point): so are the children.
        }
    }
    abort_all_for_good();
    abort_shield const whole;
    wait();
}

}  // namespace ramie::detail
