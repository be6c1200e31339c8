// vfork(): the child runs on its parent's stack, in its memory, until it execs or ends. The parent's thread stands
// still until then; the parent's other threads do not. The calls that the child makes in between (close, dup2, write)
// must be libc's: it has descriptors of its own, and no fiber of it may wait. So the thread is noted as lent before the
// child exists, and as returned after the child has gone. The note belongs to the thread: calls of all other threads
// are as before.
//
//   (1) the note is made; its former value is kept in a register
//   (2) the call itself. From here on parent and child share the stack: so the return address, which the child's next
//       calls overwrite, is in a register, too. The kernel gives both the same registers
//   (3) the child returns; the note stays. If the child calls vfork itself, it finds the note made, and leaves it made
//   (4) the parent, resumed by the kernel, restores the former value. So it does not matter how the child ended, nor
//       where
// A signal handler in the child runs on the noted thread, too. The parent's thread takes no signal before (4). A signal
// between (1) and (2), or later, only makes its handler's calls libc's.
//
// In machine code, because a function of the language cannot return twice on one stack. There is no shadow stack to
// keep in step: the library switches stacks, so it is built without one (meson.build), and a process with one such part
// has none. On other processors vfork is fork, as POSIX allows.
#include "hook_state.hpp"

#include <cerrno>

#include <sys/syscall.h>

namespace {

using ramie::hook::installed;
using ramie::hook::this_thread;

enum note : int { thread_was_lent = 1, fiber_called_out = 2 };

}  // namespace

#if defined(__x86_64__) && defined(__LP64__)

static_assert(SYS_vfork == 58, "written as a number below");

extern "C" {

[[gnu::used, gnu::visibility("hidden")]] int ramie_hook_before_vfork() noexcept {
    auto const* const calls = installed();
    auto const before =
        (this_thread.is_lent ? thread_was_lent : 0) | (calls != nullptr && calls->calls_out(true) ? fiber_called_out : 0);
    this_thread.is_lent = true;
    return before;
}

// In the parent: the caller's result.
[[gnu::used, gnu::visibility("hidden")]] long ramie_hook_after_vfork(long answer, int before) noexcept {
    this_thread.is_lent = (before & thread_was_lent) != 0;
    if (auto const* const calls = installed()) (void)calls->calls_out((before & fiber_called_out) != 0);
    if (answer >= 0) return answer;
    errno = static_cast<int>(-answer);
    return -1;
}

RAMIE_EXPORTED [[gnu::naked]] pid_t vfork() noexcept {
    asm(".cfi_remember_state\n\t"
        "subq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        "call ramie_hook_before_vfork\n\t"
        "addq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        "movl %eax, %esi\n\t"
        "popq %rdi\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        ".cfi_register %rip, %rdi\n\t"
        "movl $58, %eax\n\t"  // SYS_vfork
        "syscall\n\t"
        "pushq %rdi\n\t"
        ".cfi_restore_state\n\t"
        "testq %rax, %rax\n\t"
        "jz 1f\n\t"
        "movq %rax, %rdi\n\t"
        "subq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset 8\n\t"
        "call ramie_hook_after_vfork\n\t"
        "addq $8, %rsp\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        "1: ret");
}

}  // extern "C"

#else

RAMIE_EXPORTED pid_t vfork() noexcept {
    return ::fork();
}

#endif

RAMIE_EXPORTED [[gnu::alias("vfork")]] pid_t __vfork() noexcept;
