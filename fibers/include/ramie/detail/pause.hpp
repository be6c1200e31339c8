// For who looks at a word again and again: tells the processor.
#pragma once

namespace ramie::detail {

inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace ramie::detail
