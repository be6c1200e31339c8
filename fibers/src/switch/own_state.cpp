// A fiber with a thread state of its own: it is on while the fiber's own code runs, and off in between.
//
//     the fiber's code       its state is on: the thread pointer leads to its block, and the lane's slots_ to the
//                            block's errno and caught exceptions. What the block notes of the lane and the runtime is
//                            right, since it is written when the state is put on on another lane
//     leave_with_care()      takes it off before the jump, unless another such fiber is next, and puts it on after it,
//                            on whatever lane that is
//     all other code         the carrying thread's own state is on: the lane's loop, other fibers, their errands, a
//                            task's start and end
//
// So a fiber without such a state finds the thread's on when it arrives, and need not look: that it has none is one bit of
// a byte that each switch looks at anyway (stack::care). Caught exceptions need not be carried: they are in the block.
#include "switch/leave.hpp"
#include "thread_state/thread_block.hpp"
#include "thread_state/thread_pointer.hpp"

#include <ramie/detail/ground/this_lane.hpp>
#include <ramie/detail/machine/home_process.hpp>

#include <utility>

namespace ramie::detail {

namespace {

// The carrying thread's own state, while a fiber's is on.
constinit thread_local void* behind = nullptr;
RAMIE_NOIPA void*& state_behind() noexcept { return behind; }

// In a child, the state of the fiber that forked is its only thread's. The C library may give back the memory of the thread
// that carried it, in which the kernel still keeps what that thread registered for restartable sequences.
home_process::child_watcher const forgets(
    []() noexcept {
        if (auto* const carried_by = std::exchange(state_behind(), nullptr)) unregister_sequences(carried_by);
    },
    nullptr);

}  // namespace

// The notes are read from the thread's state and written into the fiber's.
RAMIE_NOIPA void lane::note_in_own_state(void* state) noexcept {
    auto const notes = carrier::notes();
    set_thread_pointer(state);
    state_behind() = thread_state_;
    bind_lane(this);
    carrier::note(notes);
}

inline void lane::take_off() noexcept {
    set_thread_pointer(thread_state_);
    slots_ = thread_slots_;
}

void lane::begin_own_state(thread_block const& block) noexcept {
    note_in_own_state(block.pointer);
    slots_ = thread_slots::of_this_thread();
    *slots_.eh = {};
    current->stack->care |= stack::has_own_thread_state;
}

void lane::end_own_state() noexcept {
    current->stack->care &= static_cast<std::uint8_t>(~stack::has_own_thread_state);
    take_off();
}

// Whether `next` will put its own state on when it goes on, before anything else.
static bool puts_own_on(task const* next) noexcept {
    return next != nullptr && next->stack != nullptr && (next->stack->care & stack::has_own_thread_state) != 0;
}

[[gnu::noinline]] lane& lane::leave_with_care(task& self, task* next) noexcept {
    check_canary(self);
    if ((self.stack->care & stack::has_own_thread_state) == 0) return leave_as_is(self, next);
    auto* const state = thread_pointer();
    auto const slots = slots_;
    auto const entries = entries_;
    // From one such fiber to the next it costs one write of the register, not two: that is most of the price.
    if (!puts_own_on(next)) take_off();
    if (next != nullptr && !ready(*next)) next = nullptr;
    left_ = &self;
    current = next;
    auto* const to = next != nullptr ? next->context : loop_;
    auto& here = arrive(jump(self.context, to, this, next != nullptr ? bounds_of(*next) : loop_bounds_));
    // On the lane that it left, in the same run of it, what its state notes still holds. Before settle(): then the fiber
    // that left, whose state may be on yet, may go on elsewhere.
    if (&here == this && here.entries_ == entries) [[likely]] set_thread_pointer(state);
    else here.note_in_own_state(state);
    here.slots_ = slots;
    here.settle();
    return here;
}

}  // namespace ramie::detail
