// How a fiber leaves and arrives, inline: a park or a yield is then one piece of code up to the jump and after it, and
// a resumed fiber takes no return whose call was on another stack.
#pragma once

#include <ramie/detail/overflow/stack_overflow.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>

namespace ramie::detail {

// `sp`: the stack pointer below the stack; null: the canary was overwritten.
[[noreturn, gnu::cold]] void overflowed(task const& t, void const* sp) noexcept;

inline void check_canary(task const& t) noexcept {
    if (!t.stack->canary_intact()) [[unlikely]] overflowed(t, nullptr);
}

inline stack_bounds bounds_of(task const& t) noexcept {
    return {t.stack->bottom, t.stack->usable(), t.stack->sanitizer_fiber};
}

inline lane& lane::arrive(void* handed) noexcept {
    auto& here = *static_cast<lane*>(handed);
    here.float_control_.load();
    return here;
}

// Inline only for plain waits; the code for timed ones is elsewhere.
[[gnu::always_inline]] inline void lane::settle_park() noexcept RAMIE_RULES_NOT_CHECKED /* gives up the waiter's lock */ {
    if (parking_.until != never) [[unlikely]] return settle_timed_park();
    auto& t = *left_;
    auto* const held = parking_.held;
    auto const result = t.state.park(parking_.generation, parking_.abortable);
    // Parked: from here on `t` may run elsewhere and be gone. The lock outlives it, because the waiter cannot leave its
    // queue without it.
    if (held != nullptr) held->unlock();
    if (result == task_state::park_result::resume_now) [[unlikely]] carrier::resume(t);
}

[[gnu::always_inline]] inline void lane::settle() noexcept {
    auto const e = errand_;
    budget_.renew();
    if (e == errand::requeue) carrier::requeue(*this, *left_);
    else if (e == errand::park) settle_park();
    else if (e == errand::recycle) stacks.put(dead_);
    else if (e == errand::limit) [[unlikely]] budget_.limit(turn_);
    errand_ = errand::none;  // last: until then is_switching()
}

// Binds a stack to a task that has none. False: there is no memory for one. Such a task fails, but not here, where a
// primitive's lock may be held, because its callable's destructor is user code. The lane's own loop does it (run).
[[gnu::always_inline]] inline bool lane::ready(task& next) noexcept {
    next.last_lane = this;
    return next.stack != nullptr || give_stack(next);
}

// Switches from `self` to `next`, or to the loop of the lane. Returns when `self` is resumed, with the lane it is on now.
[[gnu::always_inline]] inline lane& lane::leave(task& self, task* next) noexcept {
    auto const* const sp = __builtin_frame_address(0);
    if (!self.stack->note_sp(sp)) [[unlikely]] overflowed(self, sp);
    return self.stack->care == 0 ? leave_as_is(self, next) : leave_with_care(self, next);
}

[[gnu::always_inline]] inline lane& lane::leave_as_is(task& self, task* next) noexcept {
    if (next != nullptr && !ready(*next)) next = nullptr;
    left_ = &self;
    current = next;
    auto const eh = eh_globals::copy(*slots_.eh);
    auto* const to = next != nullptr ? next->context : loop_;
    auto& here = arrive(jump(self.context, to, this, next != nullptr ? bounds_of(*next) : loop_bounds_));
    eh_globals::put_back(*here.slots_.eh, eh);
    here.settle();
    return here;
}

// errno is saved first and restored last: in between the carrier and the stack cache may make system calls.
[[gnu::always_inline]] inline void lane::park(parking const& p, task* successor) noexcept {
    auto const error = *slots_.error;
    auto& self = *current;
    parking_ = p;
    auto* const next = successor != nullptr ? successor : carrier::pick(*this);
    errand_ = errand::park;
    auto& here = leave(self, next);
    if (self.timer != nullptr) carrier::disarm(self);
    *here.slots_.error = error;
}

}  // namespace ramie::detail
