// The switch: Boost.Context's raw jump, and everything else that must be saved and restored.
//
//     fresh                     suspended                       running
//     top  +--------------+     top  +--------------------+     the registers are in the processor;
//          | make_fcontext|          | frames of the body |     lane::current is the task they belong to
//          | record       |          | park / yield       |
//          +--------------+          | thread_state       |  <- errno and __cxa_eh_globals of this fiber
//          |  untouched   |          | jump_fcontext regs |  <- task::context
//          +--------------+          +--------------------+
//          | guard        |          | untouched | guard  |
//
// Carried per fiber besides the registers, in the suspended frame itself:
//   - __cxa_eh_globals (the stack of caught exceptions and the number of uncaught ones): a fiber may suspend inside a
//     catch block, or in a destructor during unwinding, and go on in another thread (tests/fibers/exception_test);
//   - errno: code that reads it through a function gets its own after a migration.
// Raw jump_fcontext is used, not boost::context::fiber, so that no Boost version adds its own handling of
// __cxa_eh_globals.
//
// Sanitizers are told of every switch: ASan gets the bounds of the stack jumped to and keeps its fake stack per
// suspended frame; TSan has one "fiber" per stack slot; Valgrind gets each slot's bounds once.
#pragma once

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/switch/switch_context.hpp>

#include <cstddef>

#if RAMIE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if RAMIE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace ramie::detail {

// The Itanium C++ ABI's per-thread exception state (its layout is fixed by the ABI).
struct eh_globals {
    std::uint64_t caught = 0;    // a pointer
    std::uint64_t uncaught = 0;  // 4 bytes, then padding

    // Copied word by word: the compiler must not make one 16-byte load of it, because that would come so soon after the
    // two stores of the last switch that the processor has to wait for them.
    static eh_globals copy(eh_globals const& from) noexcept {
        eh_globals result{from.caught, from.uncaught};
        asm("" : "+r"(result.caught), "+r"(result.uncaught));
        return result;
    }
    static void put_back(eh_globals& to, eh_globals saved) noexcept {
        asm("" : "+r"(saved.caught), "+r"(saved.uncaught));
        to.caught = saved.caught;
        to.uncaught = saved.uncaught;
    }
};

// Where this OS thread keeps the state that the switch carries. Fetched once per thread: the addresses never change.
struct thread_slots {
    eh_globals* eh = nullptr;
    int* error = nullptr;
    static thread_slots of_this_thread() noexcept;
};

// A stack as the sanitizers see it: a fiber's, or the OS thread's own.
struct stack_bounds {
    void const* bottom = nullptr;
    std::size_t size = 0;
    void* tsan_fiber = nullptr;
};

// Registers a slot with Valgrind and gives it a TSan fiber, once per slot.
stack_bounds announce_stack(stack&) noexcept;
// The reverse, before a slot's memory is unmapped.
void forget_stack(stack&) noexcept;
// The OS thread's own.
stack_bounds bounds_of_this_thread() noexcept;

template <fiber_entry Entry>
void* make_context(stack& s) noexcept {
    return fresh_context<Entry>(s.top, s.usable());
}

// One switch, with the sanitizers' notes around it. `dying`: the stack left behind is never resumed as it is. The
// compiler must not move reads of thread-locals across it, so callers use only what they are handed.
[[gnu::always_inline]]
#if RAMIE_TSAN
__attribute__((no_sanitize("thread")))
#endif
inline void* jump(void*& save, void* to, void* payload, [[maybe_unused]] stack_bounds const& target,
                  [[maybe_unused]] bool dying = false) noexcept {
#if RAMIE_ASAN
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(dying ? nullptr : &fake_stack, target.bottom, target.size);
#endif
#if RAMIE_TSAN
    __tsan_switch_to_fiber(target.tsan_fiber, 0);
#endif
    auto* const handed = switch_context(save, to, payload);
#if RAMIE_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
    return handed;
}

// The first call on a fresh stack.
inline void arrived_on_fresh_stack() noexcept {
#if RAMIE_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace ramie::detail
