#include <ramie/detail/wait/waiter.hpp>

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/refusal.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

#include <cstdio>
#include <exception>

namespace ramie::detail {

waiter& waiter::self() noexcept {
    if (auto* l = carrier::this_lane(); l != nullptr && l->current != nullptr) return *l->current;
    return thread_waiter::of_this_thread();
}

namespace {

// What is not the common case is apart from it, which then saves no registers.
[[gnu::cold, gnu::noinline]] waiter& let_others_run(lane& here, waiter& self) {
    here.yield();
    self.end_point();
    return self;
}

[[gnu::cold, gnu::noinline]] waiter& enter_with_care(std::uint32_t cost) {
    auto* const here = carrier::this_lane();
    if (here == nullptr || here->current == nullptr) {
        auto& self = thread_waiter::of_this_thread();
        if (self.spend(cost)) self.end_point();
        return self;
    }
    auto& self = *here->current;
    self.abort_point();
    return here->spend(cost) ? let_others_run(*here, self) : self;
}

}  // namespace

waiter& waiter::enter(std::uint32_t cost) {
    auto* const here = carrier::this_lane();
    auto* const self = here != nullptr ? here->current.get() : nullptr;
    if (self == nullptr || self->state.abort_requested()) [[unlikely]] return enter_with_care(cost);
    if (here->spend(cost)) [[unlikely]] return let_others_run(*here, *self);
    return *self;
}

bool waiter::masked() const noexcept { return shields > 0 || std::uncaught_exceptions() > 0; }

void waiter::throw_if_aborted() {
    if (masked()) return;
    refuse(*this, "a wait");
    throw aborted{};
}

void waiter::throw_if_late() {
    auto first = never;
    auto const* const scope = next_deadline(uncaught_exceptions(), first);
    if (scope == nullptr || first > carrier::now()) return;
    refuse(*this, "a wait");
    throw access::make<deadline_passed>(scope);
}

bool others_run_beside(waiter const& self) noexcept {
    return !self.is_fiber() || static_cast<task const&>(self).last_lane->alone.is_in_company();
}

void resume(waiter& w) noexcept {
    if (w.is_fiber()) carrier::resume(static_cast<task&>(w));
    else static_cast<thread_waiter&>(w).resume();
}

waiter_name name_of(waiter const& w) noexcept {
    waiter_name result;
    if (!w.is_fiber()) {
        std::snprintf(result.text, sizeof result.text, "a plain thread");
    } else {
        auto const& t = static_cast<task const&>(w);
        std::snprintf(result.text, sizeof result.text, t.name()[0] ? "task %llu \"%s\"" : "task %llu",
                      static_cast<unsigned long long>(t.id()), t.name());
    }
    return result;
}

}  // namespace ramie::detail
