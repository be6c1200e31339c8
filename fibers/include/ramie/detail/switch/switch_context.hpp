// Leaving one stack for another: Boost.Context's jump, or the same inline (build option `switch`).
//
// The inline switch saves little by the registers it does not save (the compiler spills those in use, mostly none). It
// gains because it takes no return: a `ret` on another stack than its `call` is mispredicted each time, while an
// indirect jump of its own, at each place that switches, is predicted (docs/rationale.md has the numbers).
//
//     suspended            fresh
//     +-----------+        +---------------------+  <- top
//     | rbp       |        | end of frames       |
//     | resume at |        | entry function      |
//     +-----------+        | ramie_start_fiber   |  <- the handle points at the lowest word
//                          +---------------------+
//
// For the same reason a fresh stack is entered by a jump: when its first function switches back to the stack that
// started it, all calls made in between have returned, and the returns there are predicted.
//
// The floating-point control words (rounding, masked exceptions): Boost's jump carries them along. Reading MXCSR takes
// as long as all the rest of the inline switch. So the inline switch gives every arriving fiber the OS thread's own
// words (float_control): a fiber that changes them has them until its next wait, and no other fiber ever sees them.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

#ifndef RAMIE_INLINE_SWITCH
#define RAMIE_INLINE_SWITCH 0
#endif

namespace ramie::detail {

// Called on a fresh stack with the payload of the first switch to it. Never returns.
using fiber_entry = void (*)(void* handed);

#if RAMIE_INLINE_SWITCH

extern "C" void ramie_start_fiber();  // switch_context.cpp

class float_control {
  public:
    static float_control of_this_thread() noexcept {
        float_control now;
        asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(now.mxcsr_), "=m"(now.x87_));
        now.mxcsr_ &= ~0x3fu;  // the flags of exceptions that have happened
        return now;
    }
    void load() const noexcept { asm volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr_), "m"(x87_)); }

  private:
    std::uint32_t mxcsr_ = 0x1f80;
    std::uint16_t x87_ = 0x37f;
};

// What the assembly takes off a fresh stack, one word at a time: the switch the first, ramie_start_fiber the second.
struct fresh_frame {
    void (*start)();
    fiber_entry entry;
    std::uintptr_t end_of_frames[2];
};
static_assert(offsetof(fresh_frame, start) == 0, "jumped to by the switch");
static_assert(offsetof(fresh_frame, entry) == sizeof(void*), "jumped to by ramie_start_fiber");
// ramie_start_fiber pushes a return address of 0 over `end_of_frames`: then the stack is as after a call.
static_assert(offsetof(fresh_frame, end_of_frames) == 2 * sizeof(void*) && sizeof(fresh_frame) % 16 == 0);

template <fiber_entry Entry>
void* fresh_context(void* top, std::size_t) noexcept {
    auto const end = reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15};
    return ::new (reinterpret_cast<void*>(end - sizeof(fresh_frame))) fresh_frame{&ramie_start_fiber, Entry, {0, 0}};
}

// Saves the running context, with its handle in `save` before `to` goes on, and continues `to`. Returns the payload of
// the switch that continues the saved context.
[[gnu::always_inline]] inline void* switch_context(void*& save, void* to, void* payload) noexcept {
    auto* into = &save;
    asm volatile(
        "leaq -128(%%rsp), %%rsp\n\t"  // the red zone of the function this is inlined into
        "pushq %%rbp\n\t"
        "leaq 1f(%%rip), %%rcx\n\t"
        "pushq %%rcx\n\t"
        "movq %%rsp, (%[into])\n\t"
        "movq %[to], %%rsp\n\t"
        "popq %%rcx\n\t"
        "jmpq *%%rcx\n\t"
        ".p2align 4\n"
        "1:\n\t"
        "popq %%rbp\n\t"
        "leaq 128(%%rsp), %%rsp"
        : "+a"(payload), [into] "+D"(into), [to] "+S"(to)
        :
        : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"
#ifdef __AVX512F__
          , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
          "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#endif
    );
    return payload;
}

#else

// Carried by the jump.
struct float_control {
    static float_control of_this_thread() noexcept { return {}; }
    void load() const noexcept {}
};

// Boost's jump tells the context it arrives in which context was left; the one that left says where to keep that
// handle.
struct departure {
    void** save;
    void* payload;
};

inline void* arrived(boost::context::detail::transfer_t from) noexcept {
    auto const left = *static_cast<departure*>(from.data);  // on the stack that was left, which has not changed
    *left.save = from.fctx;
    return left.payload;
}

template <fiber_entry Entry>
void* fresh_context(void* top, std::size_t size) noexcept {
    return boost::context::detail::make_fcontext(top, size,
                                                 [](boost::context::detail::transfer_t from) { Entry(arrived(from)); });
}

[[gnu::always_inline]] inline void* switch_context(void*& save, void* to, void* payload) noexcept {
    departure mine{&save, payload};
    return arrived(boost::context::detail::jump_fcontext(to, &mine));
}

#endif

}  // namespace ramie::detail
