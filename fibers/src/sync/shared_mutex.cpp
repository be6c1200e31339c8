#include <ramie/shared_mutex.hpp>

#include <ramie/detail/wait/line_up.hpp>
#include <ramie/detail/wait/stop_request.hpp>

#include <mutex>
#include <string>
#include <system_error>

namespace ramie {

namespace {

constexpr std::uint32_t writer = 1, waiters = 2, reader = 4;

bool may_enter(std::uint32_t word, bool to_write) noexcept {
    return to_write ? (word & ~waiters) == 0 : (word & writer) == 0;
}
std::uint32_t entered(std::uint32_t word, bool to_write) noexcept { return word + (to_write ? writer : reader); }

}  // namespace

// All fast paths below: acquire pairs with the release of the unlock before. Every change without `waiters` is a
// read-modify-write, so that a writer sees what each of several readers released.

shared_mutex::~shared_mutex() {
    std::lock_guard held(guard_);  // lets a late unlocker out
    queue_.assert_empty("shared_mutex");
}

bool shared_mutex::try_lock() noexcept {
    std::uint32_t free = 0;
    if (!word_.compare_exchange_strong(free, writer, std::memory_order_acquire, std::memory_order_relaxed)) return false;
    writer_.store(&detail::waiter::self(), std::memory_order_relaxed);
    return true;
}

bool shared_mutex::try_lock_shared() noexcept {
    auto seen = word_.load(std::memory_order_relaxed);
    while ((seen & (writer | waiters)) == 0) {
        if (word_.compare_exchange_weak(seen, seen + reader, std::memory_order_acquire, std::memory_order_relaxed))
            return true;
    }
    return false;
}

bool shared_mutex::lock_limited(detail::time_point limit) {
    auto& self = detail::waiter::enter();
    if (!try_lock() && !wait(self, true, limit)) return false;
    writer_.store(&self, std::memory_order_relaxed);
    return true;
}

bool shared_mutex::lock_shared_limited(detail::time_point limit) {
    auto& self = detail::waiter::enter();
    return try_lock_shared() || wait(self, false, limit);
}

// False if `limit` came first.
bool shared_mutex::wait(detail::waiter& self, bool to_write, detail::time_point limit) {
    if (writer_.load(std::memory_order_relaxed) == &self)
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                std::string("ramie: ") + detail::name_of(self).text + " locks a shared_mutex it writes");
    if (self.is_fiber() && self.runs_stop_callbacks()) [[unlikely]] return lock_in_callback(self, to_write, limit);
    detail::wait_node node(self);
    guard_.lock();
    for (auto seen = word_.load(std::memory_order_relaxed);;) {
        bool const enter = (seen & waiters) == 0 && may_enter(seen, to_write);
        auto const wanted = enter ? entered(seen, to_write) : seen | waiters;
        if (!word_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) continue;
        if (!enter) break;
        guard_.unlock();
        return true;
    }
    if (to_write) node.slot = this;
    // Woken, it was handed over by serve(). A writer that gives up may have kept readers out.
    return detail::line_up(queue_, guard_, node,
                           {to_write ? "shared_mutex (to write)" : "shared_mutex (to read)", this}, limit,
                           [this](detail::woken_list& woken) noexcept {
                               if ((word_.load(std::memory_order_relaxed) & waiters) != 0) serve(woken);
                           });
}

// (The word names the writer; lock_limited() notes it.)
[[gnu::cold, gnu::noinline]] bool shared_mutex::lock_in_callback(detail::waiter& self, bool to_write,
                                                                 detail::time_point limit) {
    while (!(to_write ? try_lock() : try_lock_shared())) {
        if (!detail::may_try_again(self, "shared_mutex", limit)) return false;
    }
    return true;
}

// Under guard_ and with `waiters` set: lets waiters in from the front, as many as may be in together.
void shared_mutex::serve(detail::woken_list& woken) noexcept {
    // acquire pairs with the release of readers that unlocked without guard_, before a waiter came.
    auto word = word_.load(std::memory_order_acquire);
    for (;;) {
        auto* const first = queue_.first();
        if (first == nullptr) {
            word &= ~waiters;
            break;
        }
        bool const to_write = first->slot != nullptr;
        if (!may_enter(word, to_write)) break;
        if (queue_.claim(*first, woken)) word = entered(word, to_write);
    }
    // release pairs with the acquire of the fast paths.
    word_.store(word, std::memory_order_release);
}

void shared_mutex::unlock() noexcept {
    writer_.store(nullptr, std::memory_order_relaxed);
    auto expected = writer;
    // The mutex is not touched after it.
    if (word_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed)) return;
    detail::woken_list woken;
    {
        std::lock_guard held(guard_);
        // acq_rel: as serve(), and as the fast path if no waiter is left by now.
        if ((word_.fetch_and(~writer, std::memory_order_acq_rel) & waiters) != 0) serve(woken);
    }
    woken.resume_all();
}

void shared_mutex::unlock_shared() noexcept {
    auto seen = word_.load(std::memory_order_relaxed);
    while ((seen & waiters) == 0) {
        // The mutex is not touched after it.
        if (word_.compare_exchange_weak(seen, seen - reader, std::memory_order_release, std::memory_order_relaxed)) return;
    }
    detail::woken_list woken;
    {
        std::lock_guard held(guard_);
        // acq_rel: as in unlock().
        if ((word_.fetch_sub(reader, std::memory_order_acq_rel) & waiters) != 0) serve(woken);
    }
    woken.resume_all();
}

}  // namespace ramie
