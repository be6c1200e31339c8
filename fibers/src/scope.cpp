#include <ramie/scope.hpp>

#include <ramie/detail/park.hpp>

#include <algorithm>
#include <mutex>

namespace ramie::detail {

scope_children::~scope_children() {
    std::lock_guard const held(guard_);  // lets the last child out
}

scope_children::token scope_children::enter() noexcept {
    std::lock_guard const held(guard_);
    ++count_;
    return token(*this);
}

void scope_children::leave() noexcept {
    woken_list woken;
    std::lock_guard const held(guard_);
    if (--count_ == 0) queue_.claim_all(woken);
}

// Only the owner spawns, but a failing child walks the list: hence under guard_, with the memory made before.
void scope_children::remember(abort_handle child) {
    std::vector<abort_handle> grown;
    {
        std::lock_guard const held(guard_);
        if (children_.size() < children_.capacity()) {
            children_.push_back(std::move(child));
            return;
        }
    }
    grown.reserve(std::max<std::size_t>(8, 2 * size()));
    std::vector<abort_handle> old;
    std::lock_guard const held(guard_);
    for (auto& known : children_)
        if (!known.is_finished() && grown.size() + 1 < grown.capacity()) grown.push_back(std::move(known));
    grown.push_back(std::move(child));
    old.swap(children_);
    children_.swap(grown);
}

void scope_children::failed(std::exception_ptr cause) noexcept {
    {
        std::lock_guard const held(guard_);
        if (failure_) return;
        failure_ = std::move(cause);
    }
    abort_all();
}

void scope_children::abort_all() noexcept {
    // One at a time: an abort may run destructors, which may call us.
    for (std::size_t i = 0;; ++i) {
        abort_handle child;
        {
            std::lock_guard const held(guard_);
            if (i >= children_.size()) return;
            child = children_[i];
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
    auto& self = waiter::self();
    self.abort_point();
    wait_node node(self);
    guard_.lock();
    if (count_ == 0) {
        guard_.unlock();
        return;
    }
    queue_.push_back(node);
    auto const end = park(node, {"scope", this}, &guard_);
    if (end.woken()) return;
    {
        std::lock_guard const held(guard_);
        queue_.remove(node);
    }
    end.raise();
}

void scope_children::end(bool abort_first) noexcept {
    if (!abort_first) {
        try {
            wait();
            return;
        } catch (...) {
            // The owner is to stop (it will be told again at its next abort point): so are the children.
        }
    }
    abort_all();
    abort_shield const whole;
    wait();
}

}  // namespace ramie::detail
