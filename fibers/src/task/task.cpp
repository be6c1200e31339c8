#include <ramie/detail/task/task.hpp>

#include "switch/own_state.hpp"
#include "switch/ready_exceptions.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/local_value.hpp>
#include <ramie/detail/task/thread_exit.hpp>
#include <ramie/detail/wait/stop_request.hpp>
#include <ramie/this_fiber.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ramie::detail {

task::~task() {
    if (name_ != nullptr) [[unlikely]] std::free(name_);
    delete stop_.load(std::memory_order_relaxed);  // the last reference is gone: no other thread looks
}

void task::set_name(std::string const& name) noexcept {
    if (name.empty()) return;
    name_ = ::strdup(name.c_str());  // null without memory: then the task has no name
}

namespace {

// The end in a child (home_process.hpp): the code that forked has returned to the end of its fiber, and this is the
// process's only thread. As with threads, that ends the process by exit(); the program may change that in atexit().
[[noreturn, gnu::cold]] void end_child() noexcept {
    std::exit(EXIT_SUCCESS);
}

}  // namespace

void task::run() noexcept {
    if (state.abort_requested()) [[unlikely]] {  // it is to be cancelled here (or was aborted since its start)
        ops_->drop_callable(*this);
        kind = result_kind::cancelled;
        return;
    }
    if (runs == body::with_own_thread_state) [[unlikely]] run_with_own_thread_state();
    else run_body();
    if (!home_process::is_here()) [[unlikely]] end_child();
}

[[gnu::cold, gnu::noinline]] void task::run_with_own_thread_state() noexcept {
    thread_block* own = nullptr;
    try {
        own = &thread_block::take();
    } catch (std::bad_alloc const&) {
        ops_->drop_callable(*this);
        failed = no_memory();
        kind = result_kind::exception;
        return;
    }
    run_with_state(*own, [&] { run_body(); }, &end_child);
    own->put();
}

[[gnu::always_inline]] inline void task::run_body() noexcept {
    try {
        ops_->run(*this);
        kind = result_kind::value;
    } catch (aborted const&) {
        kind = result_kind::cancelled;
    } catch (forced_unwind const&) {
        end_thread_exit();
        kind = result_kind::cancelled;
    } catch (...) {
        if (!home_process::is_here()) std::terminate();  // it will never be joined; a thread ends it so, too
        if (was_stopped_with_others()) {
            kind = result_kind::cancelled;
        } else {
            failed = std::current_exception();
            kind = result_kind::exception;
        }
    }
}

// In its handler. The end of a runtime aborts one task after the other. A task that waits for another may so learn of that
// one's abort before its own, and fail of it: no failure to be told of, but its own abort.
[[gnu::cold, gnu::noinline]] bool task::was_stopped_with_others() const noexcept {
    if (!state.abort_requested() && !carrier::is_ending(*home)) return false;
    try {
        throw;
    } catch (join_error const& e) {
        return e.is_cancelled();
    } catch (...) {
        return false;
    }
}

void task::cancel() noexcept {
    abort_shield whole;  // the canceller's: no exception may leave the callable's destructor
    ops_->drop_callable(*this);
    kind = result_kind::cancelled;
    finish();
}

void task::fail_for_memory() noexcept {
    abort_shield whole;
    ops_->drop_callable(*this);
    failed = no_memory();
    kind = result_kind::exception;
    finish();
}

void task::finish() noexcept {
    if (auto* const waiting = conclude().to_resume) resume(*waiting);
}

task::ending task::conclude() noexcept {
    auto* const own_stack = stack;
    for (;;) {
        // Before the result can be seen; their destructors may wait. Again after the result, whose destructor may make
        // new ones.
        if (locals != nullptr) [[unlikely]] destroy_locals(*this);
        bool const has_result = kind == result_kind::value || kind == result_kind::exception;
        // There is no handle, and there cannot be a new one: destroy the result while the task is still running, so
        // that its destructor and the failure hook may wait.
        if (has_result && !state.has_handle()) {
            discard_result(&carrier::unseen_failure_hook(*home));
            if (is_job()) destroy_locals(waiter::self());  // a job's values are its thread's (take_over_locals)
            continue;
        }
        auto* const where = own_stack != nullptr ? last_lane : nullptr;
        if (where == nullptr || ops_->tell_end != nullptr) [[unlikely]] {
            if (auto const end = conclude_and_tell(has_result); end != task_state::finish_result::discard_result_first)
                return {where, after(end)};
            stack = own_stack;
            continue;
        }
        // Removed before the joiner can know: after a join the runtime's count does not include the task. It comes back
        // if its handle is dropped at this moment.
        where->live.remove(*this);
        stack = nullptr;  // an ended task has no stack
        if (kind == result_kind::exception) [[unlikely]] keep_hook();
        auto const end = state.finish(has_result);
        if (end == task_state::finish_result::discard_result_first) [[unlikely]] {
            stack = own_stack;
            if (kind == result_kind::exception) std::exchange(unseen, nullptr)->unref();
            where->live.add(*this);  // in the slot that it left
            continue;
        }
        where->live.concluded();
        return {where, after(end)};
    }
}

// For a task with an end note (end_note.hpp): the note is told once it is certain that nothing is left to be done. That
// costs a second step of the state word. Also for a task that no lane ran, because nothing else would keep its runtime
// until then.
[[gnu::noinline]] task_state::finish_result task::conclude_and_tell(bool has_result) noexcept {
    // (A task that never ran is not written to: the thread that pops its stale entry looks here.)
    if (stack != nullptr) stack = nullptr;
    if (kind == result_kind::exception) keep_hook();
    if (auto const end = state.finish(has_result, true); end != task_state::finish_result::tell_end) {
        if (kind == result_kind::exception) std::exchange(unseen, nullptr)->unref();
        return end;
    }
    if (listed != nullptr) listed->remove(*this);  // null: there was no memory to list it
    if (ops_->tell_end != nullptr) ops_->tell_end(*this);
    return state.told();
}

// What remains to be done for a finished task: returns the joiner that was waiting and must be made runnable, or null.
// The block may be gone before that.
inline waiter* task::after(task_state::finish_result end) noexcept {
    if (end == task_state::finish_result::free_it) ops_->free(*this);
    if (end != task_state::finish_result::wake_joiner) return nullptr;
    auto* const waiting = joiner.load(std::memory_order_relaxed);
    bool const selects = joiner_selects;
    auto const won = waiting->state.claim(joiner_generation, task_state::outcome::woken);
    // A plain join that was won does not look at its slot again, and may free this block from here on.
    if (won == task_state::claim_result::lost || selects) {
        joiner_served = won != task_state::claim_result::lost;
        // release pairs with the acquire in wait_for_finisher() (join.cpp).
        joiner.store(nullptr, std::memory_order_release);
    }
    return won == task_state::claim_result::submit_it ? waiting : nullptr;
}

// A failed task keeps the hook, which then outlives its runtime.
void task::keep_hook() noexcept { (unseen = &carrier::unseen_failure_hook(*home))->ref(); }

// `hook`: only for a failure.
void task::discard_result(shared_hook const* hook) noexcept {
    abort_shield whole;  // for the thread that discards it: no exception may leave the value's destructor
    if (kind == result_kind::value) {
        ops_->drop_value(*this);
    } else if (kind == result_kind::exception) {
        if (!failure_known) report(*hook);
        failed = nullptr;
    }
    kind = result_kind::none;
}

void task::report(shared_hook const& hook) noexcept {
    if (!hook.is_set()) return;
    try {
        auto const why = error();
        try {
            hook(why);
        } catch (forced_unwind const&) {
            end_thread_exit();
        } catch (...) {
            // The hook is the last resort for failures; its own failures cannot be reported.
        }
    } catch (std::bad_alloc const&) {
        std::fprintf(stderr, "ramie: %s failed, and there is no memory to say how\n", name_of(*this).text);
    }
}

void task::forget_failure() noexcept {
    if (kind != result_kind::exception) return;
    failed = nullptr;
    std::exchange(unseen, nullptr)->unref();
    kind = result_kind::none;
}

void task::abort() {
    if (!home_process::is_here()) [[unlikely]] return;  // a child's copy of it neither runs nor ends
    switch (state.abort(local)) {
        case task_state::abort_result::nothing: break;
        case task_state::abort_result::submit_it: carrier::resume(*this); break;
        case task_state::abort_result::cancel_it:
            request_stop();
            cancel();
            return;
    }
    request_stop();
}

bool task::mark_aborted() noexcept {
    if (state.abort(true) == task_state::abort_result::submit_it) carrier::resume(*this);
    auto const* const source = stop_.load(std::memory_order_acquire);  // as in request_stop()
    return source != nullptr && !source->stop_requested();
}

void task::request_stop() {
    // acquire pairs with the release in stop_token(). One that is made later sees the abort bit.
    if (auto* const source = stop_.load(std::memory_order_acquire)) (void)detail::request_stop(*source);
}

std::stop_token task::stop_token() {
    auto* source = stop_.load(std::memory_order_acquire);
    if (source == nullptr) {
        auto made = std::make_unique<std::stop_source>();
        // release pairs with the acquires in request_stop() and above, and here if another one was first.
        if (stop_.compare_exchange_strong(source, made.get(), std::memory_order_release, std::memory_order_acquire))
            source = made.release();
        if (state.abort_requested_in_order()) (void)detail::request_stop(*source);
    }
    return source->get_token();
}

join_error task::error() const {
    return join_error(id_, name(), kind == result_kind::exception ? failed : nullptr);
}

void task::drop_handle() noexcept {
    if (state.drop_handle() == task_state::detach_result::nothing) return;
    auto* const hook = kind == result_kind::exception ? std::exchange(unseen, nullptr) : nullptr;
    discard_result(hook);
    if (hook != nullptr) hook->unref();
    release_handle();
}

}  // namespace ramie::detail
