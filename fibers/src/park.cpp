#include <ramie/detail/park.hpp>

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/lane.hpp>
#include <ramie/detail/thread_waiter.hpp>

namespace ramie::detail {

namespace {

using outcome = task_state::outcome;

// The wait is over before it began: closes it, unless somebody claimed it first.
void close_wait(waiter& self, std::uint64_t g, outcome how) noexcept {
    (void)self.state.claim(g, how);  // running: never submit_it. lost: last_outcome() says what the winner said
}

}  // namespace

void wait_end::raise() const {
    if (how_ == outcome::aborted) throw aborted{};
    if (how_ == outcome::deadline && scope_ != nullptr) throw deadline_passed(scope_);
}

namespace {

// `child`: whom to switch to, if it has not started.
[[gnu::always_inline]] inline wait_end wait(waiter& self, std::uint64_t g, wait_reason why, word_lock* held, time_point limit, task* child) {
    auto* const here = self.is_fiber() ? carrier::this_lane() : nullptr;
    bool const maskable = here != nullptr ? self.shields == 0 && !here->unwinds() : !self.masked();
    deadline_scope const* scope = nullptr;
    if (maskable && self.scopes != nullptr && self.scopes->earliest < limit) {
        limit = self.scopes->earliest;
        scope = self.scopes->owner;
    }
    bool const abort_now = maskable && self.state.abort_requested();
    if (abort_now || (limit != never && limit <= carrier::now())) [[unlikely]] {
        close_wait(self, g, abort_now ? outcome::aborted : outcome::deadline);
        if (held) held->unlock();
    } else {
        self.object.store(why.object, std::memory_order_relaxed);
        self.reason.store(why.what, std::memory_order_relaxed);
        if (here != nullptr) {
            here->park({g, maskable, limit, held}, child != nullptr ? carrier::claim_unstarted(*here, *child) : nullptr);
        } else {
            static_cast<thread_waiter&>(self).park(g, held, limit);
        }
        self.reason.store(nullptr, std::memory_order_relaxed);
    }
    auto how = self.state.last_outcome();
    // An abort wins over a deadline, also if it came after that but before the waiter ran.
    if (how == outcome::deadline && maskable && self.state.abort_requested()) how = outcome::aborted;
    return {how, scope};
}

}  // namespace

wait_end park(waiter& self, std::uint64_t g, wait_reason why, word_lock* held, time_point limit) {
    return wait(self, g, why, held, limit, nullptr);
}

wait_end park_for(waiter& self, std::uint64_t g, task& child, time_point limit) {
    return wait(self, g, {"join", &child}, nullptr, limit, &child);
}

}  // namespace ramie::detail
