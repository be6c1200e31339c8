#include <ramie/detail/sight/task_sight.hpp>

#include "sight/lock_holder.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/refusal.hpp>

namespace ramie::detail {

namespace {

// Of a task that may begin to run: what its lane writes meanwhile is compared afterwards.
struct ready_stack {
    void* context;
    stack const* descriptor;
    lane const* last;
    bool operator==(ready_stack const&) const = default;
};

#if defined(__clang__)
__attribute__((disable_sanitizer_instrumentation, noinline))
#else
__attribute__((no_sanitize("thread"), noinline))
#endif
ready_stack
peek(task const& t) noexcept {
    auto const volatile& racing = t;
    return {racing.context, racing.stack, racing.last_lane};
}

}  // namespace

wait_sight wait_sight::of(waiter const& held, held_questions& world) noexcept {
    wait_sight seen;
    seen.what = held.reason.load(std::memory_order_relaxed);
    seen.since = time_point(time_point::duration(held.since.load(std::memory_order_relaxed)));
    seen.generation = held.state.generation();
    if (seen.what == nullptr || refusals::of(held).count > 0) return seen;  // or a pause of one that ignores its abort
    seen.object = held.object.load(std::memory_order_relaxed);
    auto const lock = lock_waited_for(seen.what, seen.object);
    seen.for_lock = lock.is_one;
    seen.holder = lock.holder;
    world.ask(held, seen.what, seen.object);
    return seen;
}

bool wait_sight::goes_on(waiter& w) const noexcept {
    held_waiter const held(w);
    return held && w.state.generation() == generation;
}

task_sight task_watcher::look(task& t, held_questions& world) {
    task_sight seen;
    switch (t.state.current()) {
    case task_state::phase::finished: return seen;
    case task_state::phase::unstarted: seen.now = task_sight::doing::has_not_started; return seen;
    case task_state::phase::running: break;
    case task_state::phase::parked:
        if (held_waiter const held(t); held) {
            look_at_waiting(t, seen, world);
            return seen;
        }
        break;  // woken since
    }
    look_at_ready(t, seen);
    return seen;
}

void task_watcher::look_at_waiting(task const& held, task_sight& seen, held_questions& world) noexcept {
    seen.now = task_sight::doing::waits;
    seen.wait = wait_sight::of(held, world);
    seen.last = held.last_lane;
    auto const* const s = held.stack;
    if (s == nullptr || !s->holds(held.context)) return;
    seen.stack = stack_use::of(*s, reinterpret_cast<std::uintptr_t>(held.context));
    if constexpr (stacks_can_be_walked) {
        copy_.take_saved(held.context, s->top);
        seen.has_copy = true;
    }
}

void task_watcher::look_at_ready(task const& t, task_sight& seen) noexcept {
    seen.now = task_sight::doing::is_ready;
    auto const first = peek(t);
    seen.last = first.last;
    stack s;  // a copy too: the task may end, and its stack be unmapped
    if (!stacks_can_be_walked || first.context == nullptr || !read_if_mapped(first.descriptor, &s, sizeof s)) return;
    if (!s.holds(first.context)) return;
    if (!copy_.try_saved(first.context, s.top) || !again_.try_saved(first.context, s.top)) return;
    if (!copy_.is_same(again_) || peek(t) != first || t.state.current() != task_state::phase::running) return;
    seen.stack = stack_use::of(s, reinterpret_cast<std::uintptr_t>(first.context));
    seen.has_copy = true;
}

}  // namespace ramie::detail
