#include <ramie/detail/lane.hpp>

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/stack_overflow.hpp>

// A fiber's first and last frame are entered and never left. TSan would note the entry on the slot's shadow stack each
// time the slot is used again and never take it off.
#if RAMIE_TSAN
#define RAMIE_NEVER_LEFT __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define RAMIE_NEVER_LEFT [[gnu::noinline]]
#endif

namespace ramie::detail {

namespace {

void check_overflow(task const& t) noexcept {
    if (t.stack->intact()) [[likely]] return;
    die_of_overflow({t.name(), t.id(), t.where().file_name(), t.where().line(), t.stack});
}

stack_bounds bounds_of(task const& t) noexcept { return {t.stack->bottom, t.stack->usable(), t.stack->sanitizer_fiber}; }

}  // namespace

lane::lane() = default;

void lane::enter_thread() noexcept {
    slots_ = thread_slots::of_this_thread();
    home_bounds_ = bounds_of_this_thread();
}

// Whoever arrives: puts away the context that was left, and learns which lane it is on now.
inline lane& lane::arrive(transfer_t from) noexcept {
    auto& here = *static_cast<lane*>(from.data);
    if (here.save_to_ != nullptr) *here.save_to_ = from.fctx;
    return here;
}

inline void lane::settle() noexcept {
    auto const e = errand_;
    errand_ = errand::none;
    switch (e) {
        case errand::none: return;
        case errand::park: settle_park(); return;
        case errand::requeue: carrier::requeue(*this, *left_); return;
        case errand::recycle: stacks.put(dead_); return;
    }
}

void lane::settle_park() noexcept {
    auto& t = *left_;
    auto const p = parking_;
    auto const result = p.until == never ? t.state.park(p.generation, p.abortable)
                                         : carrier::park_until(*this, t, p.generation, p.abortable, p.until);
    // Parked: from here on `t` may run elsewhere and be gone. The lock outlives it, because the waiter cannot leave its
    // queue without it.
    if (p.held != nullptr) p.held->unlock();
    if (result == task_state::park_result::resume_now) carrier::resume(t);
}

// Binds a stack to a task that has none.
bool lane::ready(task& next) noexcept {
    next.last_lane = this;
    if (next.stack != nullptr) return true;
    try {
        next.stack = stacks.take(next.stack_class);
    } catch (...) {
        next.fail(std::current_exception());
        return false;
    }
    (void)announce_stack(*next.stack);
    next.context = make_context(*next.stack, fiber_main);
    return true;
}

void lane::run(task& first) noexcept {
    if (!ready(first)) return;
    current = &first;
    save_to_ = &home_;
    auto const eh = *slots_.eh;
    auto const error = *slots_.error;
    auto& here = arrive(jump(first.context, this, bounds_of(first), false));
    *here.slots_.eh = eh;
    *here.slots_.error = error;
    here.settle();
}

void lane::park(parking const& p, task* successor) noexcept {
    auto& self = *current;
    parking_ = p;
    auto* const next = successor != nullptr ? successor : carrier::pick(*this);
    errand_ = errand::park;
    leave(self, next);
    if (self.timer != nullptr) carrier::disarm(self);
}

void lane::yield() noexcept {
    auto* const next = carrier::pick(*this);
    if (next == nullptr && !go_home) return;
    errand_ = errand::requeue;
    leave(*current, next);
}

// Switches from `self` to `next`, or home. Returns when `self` is resumed, on whatever lane.
void lane::leave(task& self, task* next) noexcept {
    self.stack->note_sp(__builtin_frame_address(0));
    check_overflow(self);
    while (next != nullptr && !ready(*next)) next = carrier::pick(*this);
    left_ = &self;
    save_to_ = &self.context;
    current = next;
    auto const eh = *slots_.eh;
    auto const error = *slots_.error;
    auto& here = arrive(next != nullptr ? jump(next->context, this, bounds_of(*next), false)
                                        : jump(home_, this, home_bounds_, false));
    *here.slots_.eh = eh;
    *here.slots_.error = error;
    here.settle();
}

// A fresh stack. It serves one task after another as long as the next one needs a stack too.
RAMIE_NEVER_LEFT void lane::fiber_main(transfer_t from) {
    arrived_on_fresh_stack();
    arrive(from).serve_and_die();
}

RAMIE_NEVER_LEFT void lane::serve_and_die() noexcept {
    stack* mine = nullptr;
    task* next = nullptr;
    auto& last = serve(mine, next);
    last.errand_ = errand::recycle;
    last.dead_ = mine;
    last.save_to_ = nullptr;
    last.current = next;
    if (next != nullptr) jump(next->context, &last, bounds_of(*next), true);
    else jump(last.home_, &last, last.home_bounds_, true);
    __builtin_unreachable();
}

// Runs the lane's current task and its stackless successors on this stack. Returns the lane it ended on, and which
// suspended task comes next (null: the lane's own loop).
[[gnu::noinline]] lane& lane::serve(stack*& mine, task*& next) noexcept {
    *slots_.eh = {};
    *slots_.error = 0;
    settle();
    auto* self = current;
    mine = self->stack;
    for (;;) {
        self->run();
        self->stack->note_sp(__builtin_frame_address(0));
        check_overflow(*self);
        self->stack = nullptr;
        self->finish();  // `self` may be gone
        auto& here = *carrier::this_lane();  // the body may have moved
        here.current = nullptr;
        next = carrier::pick(here);
        while (next != nullptr && next->stack == nullptr && next->stack_class != mine->size_class && !here.ready(*next))
            next = carrier::pick(here);
        if (next == nullptr || next->stack != nullptr) {
            if (next != nullptr) next->last_lane = &here;
            return here;
        }
        // The same kind of stack: start it right here.
        next->stack = mine;
        next->last_lane = &here;
        here.current = self = next;
        *here.slots_.error = 0;
    }
}

}  // namespace ramie::detail
