// Between libramie and libramie-hook, which do not link each other: the hook may be preloaded into a program that has a
// libramie of its own, static or shared. When its first runtime starts, libramie looks for the hook in the process and
// hands over the functions that the hook calls on fibers; it gets the C library's own calls in return. Plain data:
// either side may be newer, and then refuses the other by the version.
#pragma once

#include "libc/libc_calls.hpp"
#include "lot/lot_wait.hpp"
#include "offload/file_use.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace ramie::detail {

template <class F>
struct may_throw;
template <class R, class... Args>
struct may_throw<R (*)(Args...)> {
    using type = R (*)(Args...);
};
template <class R, class... Args>
struct may_throw<R (*)(Args...) noexcept> {
    using type = R (*)(Args...);
};

struct hook_calls {
    static constexpr unsigned current_version = 5;
    unsigned version = current_version;

    // --- the process ---
    // 0 in a child with a copy of the memory: nothing below is to be called there (detail/machine/home_process.hpp).
    std::atomic<std::uint32_t> const* home;
    // Notes that the calling thread's lane, if it has one, is in a call whose child uses its stack (true), or is not
    // any more. Returns what was noted before.
    bool (*calls_out)(bool) noexcept;

    // --- the caller ---
    // Whether the caller runs on a fiber's stack, and not in the middle of a switch; nor in a child.
    bool (*is_fiber)() noexcept;
    // The same, and the fiber has not switched the hook off for itself.
    bool (*is_hooked)() noexcept;
    // The fiber that calls; null: none.
    void const* (*who)() noexcept;

    // --- the calls for fibers ---
    // ramie::posix.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // what the headers say of buffers is not part of the type
#define RAMIE_CALL(name) may_throw<decltype(&::name)>::type name;
    RAMIE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_MORE_LIBC_CALLS(RAMIE_CALL)
#undef RAMIE_CALL
#pragma GCC diagnostic pop
    int (*sched_yield)();
    // What follows the command or the flags, if anything.
    int (*fcntl)(int fd, int command, void* argument);
    int (*openat)(int directory, char const* path, int flags, mode_t mode);
    // A call on a FILE (file_use.hpp).
    bool (*use_file)(file_call const& call) noexcept;

    // Parks the calling fiber until wake_at(address), unless still(argument) is false; for some milliseconds at most.
    // still() is asked when a wake cannot be missed any more. Not an abort point.
    void (*wait_at)(void const* address, bool (*still)(void*), void* argument) noexcept;
    // Wakes all that wait there. From any thread.
    void (*wake_at)(void const* address) noexcept;

    // --- the parking lot (parking_lot.hpp) ---
    lot_counters const* lot;
    int (*wait_in_lot)(lot_wait const&) noexcept;  // by a fiber
    unsigned (*wake_in_lot)(void const* address, lot_wake how) noexcept;
    void (*ring_lot)(void const* address) noexcept;  // the same from a signal handler, by way of a thread
    void (*leave_unseen)(lot_leaver&) noexcept;
    void (*left_unseen)(lot_leaver&) noexcept;
    // The calling fiber's number, which no other fiber ever gets; 0: no fiber.
    std::uint64_t (*number)() noexcept;
    // The calling fiber has got a lock that belongs to its thread, or has given it back. In between it stays on that
    // thread.
    void (*begin_hold)() noexcept;
    void (*end_hold)() noexcept;
    // Counts a call of the fiber that did not have to wait. True: the fiber has used up its budget, and others are to
    // run first.
    bool (*spend)() noexcept;
    // A handler of the program's has returned, on whichever thread, in the middle of anything. `by_kill_of_thread`: the signal was
    // sent to that thread. `restarts`: SA_RESTART.
    void (*handler_ran)(void const* handler, bool by_kill_of_thread, bool restarts) noexcept;
    // At the start of a call that handlers may end (main_fiber.hpp). Those of ramie::posix do it by themselves.
    void (*enter)() noexcept;
    // f(argument) on a thread of the blocking pool. The calling fiber waits for its end, whatever happens.
    void (*do_on_pool)(void (*f)(void*) noexcept, void* argument) noexcept;
};

// What the hook exports as ramie_hook_install. Null: the hook is switched off, or of another version. `report`: called
// when a fiber begins any wait while it holds a lock; null: not wanted.
struct hook_answer {
    libc_calls const* real;
    void (*report)(char const* task, char const* waits_in, std::uint64_t number) noexcept;
};
using hook_install = hook_answer const*(hook_calls const*) noexcept;

// Looks for the hook, the first time it is called.
void find_hook() noexcept;
// The hook is there, and switched on.
bool is_hook_in_use() noexcept;

}  // namespace ramie::detail
