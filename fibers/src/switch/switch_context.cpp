#include <ramie/detail/switch/switch_context.hpp>

#if RAMIE_INLINE_SWITCH

// The start of a fresh stack, with the stack pointer above the handle's lowest word and the payload in rax. Its frame
// is marked as the last one: for debuggers by the unwind information, for others by rbp. The entry function finds a
// return address of 0, as if called.
extern "C" [[gnu::naked]] void ramie_start_fiber() {
    asm(".cfi_undefined rip\n\t"
        "movq %rax, %rdi\n\t"
        "popq %rax\n\t"
        "xorl %ebp, %ebp\n\t"
        "pushq $0\n\t"
        "jmpq *%rax");
}

#endif
