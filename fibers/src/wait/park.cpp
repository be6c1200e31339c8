#include <ramie/detail/wait/park.hpp>

#include "switch/whole_wait.hpp"

#include <ramie/detail/wait/refusal.hpp>

#include <atomic>
#include <new>

namespace ramie::detail {

void wait_end::raise() const {
    bool const late = how_ == task_state::outcome::deadline;
    if (late && no_timer_) throw std::bad_alloc();
    if (how_ != task_state::outcome::aborted && (!late || scope_ == nullptr)) return;
    refuse(waiter::self(), "a wait");  // the wait may not have begun
    if (late) throw access::make<deadline_passed>(scope_);
    throw aborted{};
}

namespace {
constinit std::atomic<void (*)(waiter&, char const*) noexcept> told_of_locks{nullptr};
}

void waits_with_locks(waiter& self, char const* what) noexcept {
    if (auto* const whom = told_of_locks.load(std::memory_order_acquire)) whom(self, what);
}
// release pairs with the acquire above.
void tell_of_waits_with_locks(void (*whom)(waiter&, char const*) noexcept) noexcept {
    told_of_locks.store(whom, std::memory_order_release);
}

wait_end park(waiter& self, std::uint64_t g, wait_reason why, word_lock* held, time_point limit) {
    return whole_wait(self, g, why, held, limit, [](lane*) { return before_park{}; });
}

}  // namespace ramie::detail
