#include <ramie/detail/task/thread_exit.hpp>

#include "ground/raw_text.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/switch/context.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/task.hpp>

#include <cstdint>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <pthread.h>
#include <unwind.h>

#if RAMIE_ASAN
#include <sanitizer/asan_interface.h>
#endif

// glibc's functions, into which C's pthread_cleanup_push expands.
extern "C" {
void __pthread_register_cancel(__pthread_unwind_buf_t*);
void __pthread_unregister_cancel(__pthread_unwind_buf_t*);
}

namespace ramie::detail {

namespace {

// --- the task or job that exits ---

constinit thread_local running_job* job_here = nullptr;

RAMIE_NOIPA running_job*& job() noexcept { return job_here; }

task* fiber_here() noexcept {
    auto* const here = carrier::this_lane();
    return here != nullptr ? here->current.get() : nullptr;
}
task* task_here() noexcept {
    auto* const fiber = fiber_here();
    if (fiber != nullptr) return fiber;
    auto* const running = job();
    return running != nullptr ? &running->what() : nullptr;
}
// Whether an unwinding of ours is under way in this task.
bool exits_here() noexcept {
    auto const* const t = task_here();
    return t != nullptr && t->kind == result_kind::unwinding;
}

// It counts as an uncaught exception, so waits in destructors are masked.
void note_unwinding(bool on) noexcept {
    task_here()->kind = on ? result_kind::unwinding : result_kind::none;
    auto& uncaught = thread_slots::of_this_thread().eh->uncaught;
    if (on) ++uncaught;
    else --uncaught;
}

// --- functions that C code has registered ---

// pthread_cleanup_push leaves these fields to glibc; the first one is the function registered before.
__pthread_unwind_buf_t* before(__pthread_unwind_buf_t const& b) noexcept {
    return static_cast<__pthread_unwind_buf_t*>(b.__pad[0]);
}

// Takes those on this stack, above `sp`, off the thread's list, which is told nowhere but by registering one more.
__pthread_unwind_buf_t* take_cleanups(void const* sp, void const* top) noexcept {
    __pthread_unwind_buf_t probe;
    __pthread_register_cancel(&probe);
    auto* const newest = before(probe);
    auto* rest = newest;
    while (rest >= sp && rest < top) rest = before(*rest);
    probe.__pad[0] = rest;
    __pthread_unregister_cancel(&probe);
    return newest == rest ? nullptr : newest;
}

// --- the unwinding ---

struct unwinding {
    _Unwind_Exception exception;
    __pthread_unwind_buf_t* next_cleanup;
    void const* top;  // of the stack
};

[[noreturn]] void die(char const* why) noexcept {
    auto const& t = *task_here();
    raw_text text;
    text << "ramie: pthread_exit in task " << t.id();
    if (t.name()[0] != '\0') text << " \"" << t.name() << "\"";
    text << " " << why << "\n";
    text.write_to_stderr();
    std::abort();
}

// At the end of the handler at which the unwinding ended; a handler that was not meant to end it has not called
// end_thread_exit().
void drop(_Unwind_Reason_Code, _Unwind_Exception* e) noexcept {
    if (exits_here()) die("ended in a catch (...) that does not throw on");
    delete reinterpret_cast<unwinding*>(e);
}

_Unwind_Reason_Code at_frame(int, _Unwind_Action actions, _Unwind_Exception_Class, _Unwind_Exception*,
                             _Unwind_Context* context, void* state) {
    auto* const mine = static_cast<unwinding*>(state);
    if ((actions & _UA_END_OF_STACK) != 0) die("came to a frame that cannot be unwound");
    auto* const cleanup = mine->next_cleanup;
    auto const cfa = reinterpret_cast<void const*>(_Unwind_GetCFA(context));
    if (cleanup == nullptr || cfa <= cleanup) return _URC_NO_REASON;
    // The frame that registered it. It runs the handler and then calls __pthread_unwind_next().
    delete mine;
    note_unwinding(false);
    // Not the fortified longjmp, which takes a jump to another stack for an attack.
    reinterpret_cast<void (*)(void*, int)>(::dlsym(RTLD_DEFAULT, "longjmp"))(cleanup->__cancel_jmp_buf, 1);
    __builtin_unreachable();
}

// The top of the task's part of the stack, if that is a plain thread's.
void const* top_of_stack(task const& t) noexcept { return t.stack != nullptr ? static_cast<void const*>(t.stack->top) : job(); }

[[noreturn]] void unwind(task const& t, __pthread_unwind_buf_t* first_cleanup) {
    auto* const mine = new (std::nothrow) unwinding{{}, first_cleanup, top_of_stack(t)};
    if (mine == nullptr) die("found no memory");
    mine->exception.exception_cleanup = &drop;
#if RAMIE_ASAN
    __asan_handle_no_return();
#endif
    note_unwinding(true);
    _Unwind_ForcedUnwind(&mine->exception, &at_frame, mine);
    die("came to a frame that cannot be unwound");
}

[[noreturn]] void unwind_from_here(task const& t) {
    unwind(t, take_cleanups(__builtin_frame_address(0), top_of_stack(t)));
}

template <class Function>
Function* libcs(char const* name) {
    auto* const found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<Function*>(found);
}

}  // namespace

void end_thread_exit() noexcept {
    if (exits_here()) return note_unwinding(false);
    // glibc's own unwinding: its end would end the process. The handler finds no exception to end.
    thread_slots::of_this_thread().eh->caught = 0;
}

void exit_task() {
    if (auto* const t = task_here()) unwind_from_here(*t);
}

void unwind_next(__pthread_unwind_buf_t* done) {
    auto const* const t = task_here();
    if (t == nullptr) return;
    auto* const next = before(*done);
    bool const here = next > done && next < top_of_stack(*t);
    unwind(*t, here ? next : nullptr);
}

running_job::running_job(task& t) noexcept : what_(t) { job() = this; }
running_job::~running_job() { job() = nullptr; }

}  // namespace ramie::detail

extern "C" {

[[gnu::visibility("default")]] void pthread_exit(void* value) {
    ramie::detail::exit_task();
    ramie::detail::libcs<void(void*)>("pthread_exit")(value);
    __builtin_unreachable();
}

[[gnu::visibility("default")]] void thrd_exit(int value) {
    ramie::detail::exit_task();
    ramie::detail::libcs<void(int)>("thrd_exit")(value);
    __builtin_unreachable();
}

// Continues after a handler that C code has registered.
[[gnu::visibility("default")]] void __pthread_unwind_next(__pthread_unwind_buf_t* done) {
    ramie::detail::unwind_next(done);
    ramie::detail::libcs<void(__pthread_unwind_buf_t*)>("__pthread_unwind_next")(done);
    __builtin_unreachable();
}
}
