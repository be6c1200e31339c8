#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/overflow/stack_overflow.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include "ground/raw_text.hpp"
#include "overflow/signal_chain.hpp"
#include "stack/stack_class.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define RAMIE_HAS_BACKTRACE 1
#endif

namespace ramie::detail {

namespace {

atomic<describe_fiber> describe{nullptr};

#if RAMIE_HAS_BACKTRACE
// The deepest frames: in a runaway recursion they are enough.
constexpr int frames_shown = 48;

void print_backtrace() noexcept {
    std::array<void*, frames_shown> frames;
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), frames_shown), STDERR_FILENO);
}

// The first backtrace loads libgcc, which allocates: a signal handler must not do that.
void warm_backtrace() noexcept {
    void* frame = nullptr;
    ::backtrace(&frame, 1);
}
#else
void print_backtrace() noexcept {}
void warm_backtrace() noexcept {}
#endif

// One thread reports. Another thread that overflows meanwhile must wait, or its death would cut the report short.
void claim_report() noexcept {
    static atomic_flag claimed;
    if (!claimed.test_and_set(std::memory_order_relaxed)) return;
    for (;;) ::pause();
}

constexpr std::size_t large_step = 16 << 10;

void print_report(overflow_description const& d) noexcept {
    raw_text text;
    text << "ramie: stack overflow in task " << d.id;
    if (d.name != nullptr && *d.name != '\0') text << " \"" << std::string_view(d.name).substr(0, 200) << "\"";
    if (d.file != nullptr) text << ", spawned at " << std::string_view(d.file).substr(0, 400) << ":" << d.line;
    text << ", stack size " << d.where->size() << " bytes\n"
         << "ramie: give the task a larger stack (task_options.stack_size), or large locals a place on the heap\n";
    // Recursion goes down in small steps, and faults in the first page below.
    auto const* const sp = static_cast<std::byte const*>(d.sp);
    if (sp != nullptr && sp + large_step < d.where->bottom) {
        text << "ramie: its stack pointer is " << static_cast<std::uint64_t>(d.where->bottom - sp)
             << " bytes below the stack: a large local array, or alloca";
        if (sp < d.where->floor) text << "; memory of other tasks may be spoiled";
        text << " (-fstack-clash-protection finds it out at its first page)\n";
    }
    if (d.where->guard == guard_kind::canary)
        text << "ramie: this stack had no guard (Linux before 6.13, and vm.max_map_count allows no more): memory below "
                "it may be spoiled\n";
    text.write_to_stderr();
    print_backtrace();
}

}  // namespace

// Without `info` there was no signal: abort. A debugger or a core dump shows this function's name first.
extern "C" {
[[noreturn, gnu::noinline, gnu::visibility("default")]] void ramie_fiber_stack_overflow(overflow_description const& d,
                                                                                        int signal, siginfo_t* info,
                                                                                        void* context) noexcept {
    claim_report();
    print_report(d);
    if (info == nullptr) std::abort();
    previous_handler_of(signal).call(info, context);
    die_of_signal(signal);
}
}

namespace {

// Null: not known for this processor.
void const* stack_pointer_in(void const* context) noexcept {
    [[maybe_unused]] auto const& registers = static_cast<ucontext_t const*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return reinterpret_cast<void const*>(registers.gregs[REG_RSP]);
#elif defined(__aarch64__)
    return reinterpret_cast<void const*>(registers.sp);
#elif defined(__riscv)
    return reinterpret_cast<void const*>(registers.__gregs[2]);
#else
    return nullptr;
#endif
}

// Async-signal-safe. No other way to ask is free of faults.
bool is_mapped(void const* address) noexcept {
    auto const error = errno;
    auto const page = reinterpret_cast<std::uintptr_t>(address) & ~(page_bytes() - 1);
    unsigned char resident = 0;
    bool const mapped = ::mincore(reinterpret_cast<void*>(page), 1, &resident) == 0;
    errno = error;
    return mapped;
}

// The guard was touched; or the stack pointer is below the stack: in its slab, or so far below that nothing is mapped
// there. (If something else is mapped there, the fiber may run on a stack of its own, and faults there are not ours.)
bool is_overflow(stack const& s, void const* address, void const* sp) noexcept {
    return s.guards(address) || s.below(sp) || (sp != nullptr && sp < s.bottom && !is_mapped(sp));
}

void on_fault(int signal, siginfo_t* info, void* context) noexcept {
    // si_code > 0: the kernel says that this thread touched si_addr; otherwise the signal was sent. Acquire: pairs with
    // the release in install_overflow_report, for everything that the function reads.
    auto const describe_it = describe.load(std::memory_order_acquire);
    overflow_description d;
    if (info->si_code > 0 && describe_it != nullptr && describe_it(d) && d.where != nullptr) {
        d.sp = stack_pointer_in(context);
        if (is_overflow(*d.where, info->si_addr, d.sp)) ramie_fiber_stack_overflow(d, signal, info, context);
    }
    previous_handler_of(signal).pass(info, context);
}

}  // namespace

void install_overflow_report(describe_fiber f) noexcept {
    warm_backtrace();
    // Release: pairs with the acquire in on_fault.
    describe.store(f, std::memory_order_release);
    static constinit plain_mutex installing;
    std::lock_guard const lock(installing);
    for (int const signal : {SIGSEGV, SIGBUS}) previous_handler_of(signal).replace_by(on_fault);
}

void die_of_overflow(overflow_description const& d) noexcept {
    ramie_fiber_stack_overflow(d, 0, nullptr, nullptr);
}

}  // namespace ramie::detail
