#include <ramie/once_flag.hpp>

#include <ramie/detail/wait/line_up.hpp>

#include <string>
#include <system_error>

namespace ramie {

once_flag::~once_flag() {
    detail::word_guard const held(guard_);
    queue_.assert_empty("once_flag");
}

bool once_flag::enter() {
    auto& self = detail::waiter::enter();
    // acquire pairs with the release in leave(): once `done` is seen, so are the effects of the call.
    if (stage_.load(std::memory_order_acquire) == stage::done) return false;
    if (busy_one_.load(std::memory_order_relaxed) == &self)
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                std::string("ramie: ") + detail::name_of(self).text + " calls call_once within its own call");
    guard_.lock();
    auto const seen = stage_.load(std::memory_order_relaxed);
    if (seen != stage::busy) {
        if (seen == stage::idle) {
            stage_.store(stage::busy, std::memory_order_relaxed);
            busy_one_.store(&self, std::memory_order_relaxed);
        }
        guard_.unlock();
        return seen == stage::idle;
    }
    (void)detail::line_up(queue_, guard_, self, {"once_flag", this});
    // Either all were woken because it is done, or only this one because it is its turn.
    if (stage_.load(std::memory_order_acquire) == stage::done) return false;
    busy_one_.store(&self, std::memory_order_relaxed);
    return true;
}

void once_flag::leave(bool done) noexcept {
    detail::waiter* next = nullptr;
    detail::woken_list woken;
    {
        detail::word_guard const held(guard_);
        busy_one_.store(nullptr, std::memory_order_relaxed);
        if (done) {
            stage_.store(stage::done, std::memory_order_release);  // pairs with the acquire in enter()
            queue_.claim_all(woken);
        } else {
            bool handed_over = false;
            next = queue_.claim_front(handed_over);
            if (!handed_over) stage_.store(stage::idle, std::memory_order_relaxed);
        }
    }
    woken.resume_all();
    if (next != nullptr) detail::resume(*next);
}

}  // namespace ramie
