#include <ramie/detail/switch/lane.hpp>

#include "switch/leave.hpp"
#include "switch/ready_exceptions.hpp"
#include "thread_state/thread_pointer.hpp"

#include <ramie/detail/fence/pause.hpp>

#include <new>
#include <utility>

// A fiber's first frame is entered and never left. TSan would note the entry on the slot's shadow stack each
// time the slot is used again and never take it off.
#if RAMIE_TSAN
#define RAMIE_NEVER_LEFT __attribute__((disable_sanitizer_instrumentation, noinline))
#define RAMIE_IN_FIRST_FRAME [[gnu::noinline]]
#else
#define RAMIE_NEVER_LEFT [[gnu::noinline]]
#define RAMIE_IN_FIRST_FRAME [[gnu::always_inline]] inline
#endif

namespace ramie::detail {

void overflowed(task const& t, void const* sp) noexcept {
    die_of_overflow({t.name(), t.id(), t.where().file_name(), t.where().line(), t.stack, sp});
}

lane::lane(bool is_alone) : alone(is_alone) { (void)no_memory(); }

void lane::enter_thread() noexcept {
    slots_ = thread_slots_ = thread_slots::of_this_thread();
    thread_state_ = thread_pointer();
    ++entries_;
    float_control_ = float_control::of_this_thread();
    // A runtime that is entered inside another one's task has its loop on that fiber's stack. (Sanitizers that were told of
    // the thread's own would not see an exception unwind it.)
    auto* const outer = carrier::this_lane();
    bool const in_a_fiber = outer != nullptr && outer->current != nullptr;
    loop_bounds_ = in_a_fiber ? bounds_of(*outer->current) : bounds_of_this_thread();
}

[[gnu::noinline]] void lane::settle_timed_park() noexcept RAMIE_RULES_NOT_CHECKED /* gives up the waiter's lock */ {
    auto& t = *left_;
    auto* const held = parking_.held;
    auto const result = carrier::park_until(*this, t, parking_.generation, parking_.abortable, parking_.until);
    if (held != nullptr) held->unlock();  // as in settle_park()
    if (result == task_state::park_result::resume_now) carrier::resume(t);
}

[[gnu::noinline]] bool lane::give_stack(task& next) noexcept {
    auto* s = stacks.take_used(next.stack_class);
    if (s == nullptr) [[unlikely]] {
        s = find_stack(next);
        if (s == nullptr) return false;
    }
    (void)announce_stack(*s);
    next.stack = s;
    next.context = make_context<fiber_main>(*s);
    return true;
}

// Null: there is no memory, and `next` is noted.
[[gnu::noinline]] stack* lane::find_stack(task& next) noexcept {
    try {
        return stacks.take(next.stack_class);
    } catch (std::bad_alloc const&) {
        stackless_ = &next;
        return nullptr;
    }
}

void lane::run(task& first) noexcept {
    if (ready(first)) visit(first);
    if (auto* const t = std::exchange(stackless_, nullptr)) t->fail_for_memory();
}

// To a fiber and back to this OS thread's own stack.
void lane::visit(task& first) noexcept {
    current = &first;
    auto const eh = eh_globals::copy(*slots_.eh);
    auto const error = *slots_.error;
    auto& here = arrive(jump(loop_, first.context, this, bounds_of(first)));
    eh_globals::put_back(*here.slots_.eh, eh);
    *here.slots_.error = error;
    here.settle();
}

// The fiber may not leave this thread (stop_request.hpp).
[[gnu::cold, gnu::noinline]] void lane::stay() noexcept {
    budget_.renew();
    give_processor_away();
}

void lane::yield() noexcept {
    auto const error = *slots_.error;
    lane* here = this;
    if (current->runs_stop_callbacks()) [[unlikely]] return stay();
    auto* const next = carrier::pick(*this);
    if (next != nullptr || back_to_loop) {
        errand_ = errand::requeue;
        here = &leave(*current, next);
    } else {
        budget_.renew();
    }
    *here->slots_.error = error;
}

// The task that follows one that has ended here: the joiner it has woken, if that is allowed.
inline task* lane::after_end(waiter* joiner) noexcept {
    if (joiner != nullptr) {
        if (joiner->is_fiber() && carrier::hand_over(*this, static_cast<task&>(*joiner))) return static_cast<task*>(joiner);
        resume(*joiner);  // while `current` says that this is not the loop
    }
    current = nullptr;
    return carrier::pick(*this);
}

// Runs the lane's current task and its stackless successors on this stack. Returns the lane it ended on, and which
// suspended task comes next (null: the lane's own loop).
RAMIE_IN_FIRST_FRAME lane& lane::serve(stack*& mine, task*& next) noexcept {
    *slots_.eh = {};
    settle();
    *slots_.error = 0;
    task* self = current;
    mine = self->stack;
    for (;;) {
        self->run();
        check_canary(*self);
        // The body may have moved to another lane; so may this, in the destructor of a result that is not taken. Then
        // `self` may be gone.
        auto const [where, joiner] = self->finish_on_lane();
        auto& here = *where;
        next = here.after_end(joiner);
        bool const fits = next != nullptr && next->stack == nullptr && next->stack_class == mine->size_class;
        if (next != nullptr && !fits && !here.ready(*next)) next = nullptr;
        if (!fits) return here;
        // The same kind of stack: start it right here.
        next->stack = mine;
        next->last_lane = &here;
        here.current = self = next;
        here.budget_.renew();
        *here.slots_.error = 0;
    }
}

// A fresh stack. It serves one task after another as long as the next one needs a stack too.
RAMIE_NEVER_LEFT void lane::fiber_main(void* from) {
    arrived_on_fresh_stack();
    stack* mine = nullptr;
    task* next = nullptr;
    auto& last = arrive(from).serve(mine, next);
    last.errand_ = errand::recycle;
    last.dead_ = mine;
    last.current = next;
    void* never_returned_to = nullptr;
    auto* const to = next != nullptr ? next->context : last.loop_;
    jump(never_returned_to, to, &last, next != nullptr ? bounds_of(*next) : last.loop_bounds_, true);
    __builtin_unreachable();
}

}  // namespace ramie::detail
