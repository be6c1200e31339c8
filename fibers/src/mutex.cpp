#include <ramie/mutex.hpp>

#include <ramie/detail/park.hpp>

#include <mutex>
#include <system_error>

namespace ramie {

namespace {
constexpr std::uint32_t unlocked = 0, locked = 1, contended = 3;
}

mutex::~mutex() { assert_unwaited("mutex"); }

void mutex::assert_unwaited(char const* what) noexcept {
    std::lock_guard held(guard_);  // lets a late unlocker out
    queue_.assert_empty(what);
}

void mutex::lock() {
    auto& self = detail::waiter::self();
    self.abort_point();
    auto expected = unlocked;
    // acquire pairs with the release of unlock().
    if (!word_.compare_exchange_strong(expected, locked, std::memory_order_acquire, std::memory_order_relaxed))
        (void)lock_slow(self, detail::never, "mutex");
    owner_.store(&self, std::memory_order_relaxed);
}

bool mutex::lock_limited(detail::waiter& self, detail::time_point limit, char const* what) {
    self.abort_point();
    auto expected = unlocked;
    // As in lock().
    if (!word_.compare_exchange_strong(expected, locked, std::memory_order_acquire, std::memory_order_relaxed) &&
        !lock_slow(self, limit, what))
        return false;
    owner_.store(&self, std::memory_order_relaxed);
    return true;
}

bool mutex::try_lock() noexcept {
    auto expected = unlocked;
    if (!word_.compare_exchange_strong(expected, locked, std::memory_order_acquire, std::memory_order_relaxed))
        return false;
    owner_.store(&detail::waiter::self(), std::memory_order_relaxed);
    return true;
}

// The holder may be at work on another worker and done in no time. Whoever parks instead hands all who come after it
// through the queue, and a queue that formed once is slow to go: each of its turns takes a park and a wake.
bool mutex::spin() noexcept {
    constexpr int longest_pause = 64;
    for (int pauses = 1; pauses <= longest_pause; pauses *= 2) {
        for (int i = 0; i < pauses; ++i) detail::cpu_pause();
        auto seen = word_.load(std::memory_order_relaxed);
        if (seen == contended) return false;  // others wait already
        // acquire pairs with the release of unlock().
        if (seen == unlocked &&
            word_.compare_exchange_strong(seen, locked, std::memory_order_acquire, std::memory_order_relaxed))
            return true;
    }
    return false;
}

// False if `limit` came first.
bool mutex::lock_slow(detail::waiter& self, detail::time_point limit, char const* what) {
    if (held_by(self))
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                std::string("ramie: ") + detail::name_of(self).text + " locks a " + what + " it holds");
    if (detail::others_run_beside(self) && spin()) return true;
    detail::wait_node node(self);
    guard_.lock();
    for (auto seen = word_.load(std::memory_order_relaxed);;) {
        auto const wanted = seen == unlocked ? locked : contended;
        if (!word_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) continue;
        if (wanted == contended) break;
        guard_.unlock();
        return true;
    }
    queue_.push_back(node);
    auto const end = detail::park(node, {what, this}, &guard_, limit);
    if (end.woken()) return true;  // handed over by unlock_slow()
    {
        std::lock_guard held(guard_);
        queue_.remove(node);
        // Still locked by somebody else: `contended` changes only under guard_.
        if (queue_.empty() && word_.load(std::memory_order_relaxed) == contended)
            word_.store(locked, std::memory_order_relaxed);
    }
    end.raise();
    return false;
}

void mutex::unlock() noexcept {
    owner_.store(nullptr, std::memory_order_relaxed);
    auto expected = locked;
    // release pairs with the acquire of the next lock(). The mutex is not touched after it.
    if (!word_.compare_exchange_strong(expected, unlocked, std::memory_order_release, std::memory_order_relaxed))
        unlock_slow();
}

void mutex::unlock_slow() noexcept {
    bool handed_over = false;
    guard_.lock();
    auto* const next = queue_.claim_front(handed_over);
    if (!handed_over) word_.store(unlocked, std::memory_order_release);
    else if (queue_.empty()) word_.store(locked, std::memory_order_relaxed);
    guard_.unlock();
    if (next != nullptr) detail::resume(*next);
}

}  // namespace ramie
