#include <ramie/mutex.hpp>

#include <ramie/detail/wait/line_up.hpp>
#include <ramie/detail/wait/stop_request.hpp>

#include <system_error>

namespace ramie {

namespace {
constexpr std::uint32_t locked = 1, waited_for = 2;
}

mutex::~mutex() { assert_unwaited("mutex"); }

void mutex::assert_unwaited(char const* what) noexcept {
    detail::word_guard const held(guard_);  // lets a late unlocker out
    queue_.assert_empty(what);
}

void mutex::lock() {
    auto& self = detail::waiter::enter();
    guard_.lock();
    if (is_free()) [[likely]] take();
    else (void)lock_slow(self, detail::never, "mutex");
    owner_.store(&self, std::memory_order_relaxed);
}

bool mutex::lock_limited(detail::waiter& self, detail::time_point limit, char const* what) {
    (void)detail::waiter::enter();
    guard_.lock();
    if (is_free()) take();
    else if (!lock_slow(self, limit, what)) return false;
    owner_.store(&self, std::memory_order_relaxed);
    return true;
}

bool mutex::try_lock() noexcept {
    if (!is_free()) return false;
    guard_.lock();
    bool const free = is_free();
    if (free) take();
    else guard_.unlock();
    if (free) owner_.store(&detail::waiter::self(), std::memory_order_relaxed);
    return free;
}

bool mutex::is_free() const noexcept { return (word_.load(std::memory_order_relaxed) & locked) == 0; }

// Under guard_, which it gives up.
void mutex::take() noexcept {
    word_.store(word_.load(std::memory_order_relaxed) | locked, std::memory_order_relaxed);
    guard_.unlock();
}

// The holder may be at work on another worker and done in no time.
void mutex::spin() const noexcept {
    constexpr int longest_pause = detail::usual_or_in_model(64, 1);
    for (int pauses = 1; pauses <= longest_pause && !is_free(); pauses *= 2) {
        for (int i = 0; i < pauses; ++i) detail::cpu_pause();
    }
}

// Under guard_, which it gives up. False if `limit` came first.
bool mutex::lock_slow(detail::waiter& self, detail::time_point limit, char const* what) {
    if (held_by(self)) {
        guard_.unlock();
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                std::string("ramie: ") + detail::name_of(self).text + " locks a " + what + " it holds");
    }
    if (self.is_fiber() && self.runs_stop_callbacks()) [[unlikely]] return lock_in_callback(self, limit, what);
    bool const others_beside = detail::others_run_beside(self);
    if (others_beside) {
        guard_.unlock();
        spin();
        guard_.lock();
    }
    for (unsigned overtaken = 0;; ++overtaken) {
        if (is_free()) {
            take();
            return true;
        }
        detail::wait_node node(self);
        node.slot = others_beside && overtaken < patience ? nullptr : this;  // whether it is to be handed over
        if (overtaken == 0) queue_.push_back(node);
        else queue_.push_front(node);
        word_.store(locked | waited_for, std::memory_order_relaxed);
        bool const woken = detail::stay_in_line(queue_, guard_, node, {what, this}, limit,
                                                [this](detail::woken_list&) RAMIE_UNDER(guard_) noexcept { note_waiters(); });
        if (!woken) return false;
        if (node.slot != nullptr) return true;  // it was handed over
        guard_.lock();
        waiter_comes_ = false;
    }
}

// Under guard_, which it gives up.
[[gnu::cold, gnu::noinline]] bool mutex::lock_in_callback(detail::waiter& self, detail::time_point limit,
                                                          char const* what) {
    for (;;) {
        if (is_free()) {
            take();
            return true;
        }
        guard_.unlock();
        if (!detail::may_try_again(self, what, limit)) return false;
        guard_.lock();
    }
}

// Under guard_. Whether there are waiters is in the word, so that unlock() has one look to take.
void mutex::note_waiters() noexcept {
    auto const is_held = word_.load(std::memory_order_relaxed) & locked;
    word_.store(is_held | (queue_.empty() ? 0 : waited_for), std::memory_order_relaxed);
}

void mutex::unlock() noexcept {
    owner_.store(nullptr, std::memory_order_relaxed);
    guard_.lock();
    if (word_.load(std::memory_order_relaxed) != locked) return unlock_slow();
    word_.store(0, std::memory_order_relaxed);
    guard_.unlock();  // the mutex is not touched after it
}

// Under guard_, which it gives up.
void mutex::unlock_slow() noexcept {
    detail::waiter* to_resume = nullptr;
    bool stays_locked = false;
    auto const* const first = queue_.first();
    if (first != nullptr && (first->slot != nullptr || !waiter_comes_)) {
        if (auto const next = queue_.claim_first()) {
            to_resume = next.parked;
            stays_locked = next.node->slot != nullptr;
            if (!stays_locked) waiter_comes_ = true;
        }
    }
    word_.store(stays_locked ? locked : 0, std::memory_order_relaxed);
    note_waiters();
    guard_.unlock();
    if (to_resume != nullptr) detail::resume(*to_resume);
}

}  // namespace ramie
