#include <ramie/detail/lane.hpp>

#include <ramie/detail/carrier.hpp>
#include <ramie/detail/stack_overflow.hpp>

#include <new>
#include <utility>

// A fiber's first and last frame are entered and never left. TSan would note the entry on the slot's shadow stack each
// time the slot is used again and never take it off.
#if RAMIE_TSAN
#define RAMIE_NEVER_LEFT __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define RAMIE_NEVER_LEFT [[gnu::noinline]]
#endif

namespace ramie::detail {

namespace {

[[noreturn, gnu::noinline, gnu::cold]] void overflowed(task const& t) noexcept {
    die_of_overflow({t.name(), t.id(), t.where().file_name(), t.where().line(), t.stack});
}

void check_overflow(task const& t) noexcept {
    if (!t.stack->intact()) [[unlikely]] overflowed(t);
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

[[gnu::always_inline]] inline void lane::settle() noexcept {
    auto const e = errand_;
    if (e == errand::requeue) carrier::requeue(*this, *left_);
    else if (e == errand::park) settle_park();
    else if (e == errand::recycle) stacks.put(dead_);
    errand_ = errand::none;  // last: until then is_switching()
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

// Binds a stack to a task that has none. False: there is no memory for one. Such a task fails, but not here, where a
// primitive's lock may be held: its callable's destructor is user code. The lane's own loop does it (run).
inline bool lane::ready(task& next) noexcept {
    next.last_lane = this;
    return next.stack != nullptr || give_stack(next);
}

[[gnu::noinline]] bool lane::give_stack(task& next) noexcept {
    try {
        next.stack = stacks.take(next.stack_class);
    } catch (...) {
        stackless_ = &next;
        return false;
    }
    (void)announce_stack(*next.stack);
    next.context = make_context(*next.stack, fiber_main);
    return true;
}

void lane::run(task& first) noexcept {
    if (ready(first)) visit(first);
    if (auto* const t = std::exchange(stackless_, nullptr)) t->fail(std::make_exception_ptr(std::bad_alloc()));
}

// To a fiber and back to this OS thread's own stack.
void lane::visit(task& first) noexcept {
    current = &first;
    save_to_ = &home_;
    auto const eh = eh_globals::copy(*slots_.eh);
    auto const error = *slots_.error;
    auto& here = arrive(jump(first.context, this, bounds_of(first), false));
    eh_globals::put_back(*here.slots_.eh, eh);
    *here.slots_.error = error;
    here.settle();
}

// Switches from `self` to `next`, or home. Returns when `self` is resumed, with the lane it is on now.
[[gnu::always_inline]] inline lane& lane::leave(task& self, task* next) noexcept {
    self.stack->note_sp(__builtin_frame_address(0));
    check_overflow(self);
    if (next != nullptr && !ready(*next)) next = nullptr;
    left_ = &self;
    save_to_ = &self.context;
    current = next;
    auto const eh = eh_globals::copy(*slots_.eh);
    auto& here = arrive(next != nullptr ? jump(next->context, this, bounds_of(*next), false)
                                        : jump(home_, this, home_bounds_, false));
    eh_globals::put_back(*here.slots_.eh, eh);
    here.settle();
    return here;
}

// errno is put aside first and put back last: in between the carrier and the stack cache may make system calls.
void lane::park(parking const& p, task* successor) noexcept {
    auto const error = *slots_.error;
    auto& self = *current;
    parking_ = p;
    auto* const next = successor != nullptr ? successor : carrier::pick(*this);
    errand_ = errand::park;
    auto& here = leave(self, next);
    if (self.timer != nullptr) carrier::disarm(self);
    *here.slots_.error = error;
}

void lane::yield() noexcept {
    auto const error = *slots_.error;
    lane* here = this;
    auto* const next = carrier::pick(*this);
    if (next != nullptr || go_home) {
        errand_ = errand::requeue;
        here = &leave(*current, next);
    }
    *here->slots_.error = error;
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
    settle();
    *slots_.error = 0;
    auto* self = current;
    mine = self->stack;
    for (;;) {
        self->run();
        self->stack->note_sp(__builtin_frame_address(0));
        check_overflow(*self);
        self->finish();  // may wait, in the destructor of a result that nobody takes; then `self` may be gone
        auto& here = *carrier::this_lane();  // the body may have moved
        here.current = nullptr;
        next = carrier::pick(here);
        bool const fits = next != nullptr && next->stack == nullptr && next->stack_class == mine->size_class;
        if (next != nullptr && !fits && !here.ready(*next)) next = nullptr;
        if (!fits) return here;
        // The same kind of stack: start it right here.
        next->stack = mine;
        next->last_lane = &here;
        here.current = self = next;
        *here.slots_.error = 0;
    }
}

}  // namespace ramie::detail
