#include <ramie/detail/stack_overflow.hpp>

#include "raw_text.hpp"
#include "signal_chain.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include <unistd.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define RAMIE_HAS_BACKTRACE 1
#endif

namespace ramie::detail {

namespace {

std::atomic<describe_fiber> describe{nullptr};

#if RAMIE_HAS_BACKTRACE
// The deepest frames: in a runaway recursion they say it all.
constexpr int frames_shown = 48;

void print_backtrace() noexcept {
    std::array<void*, frames_shown> frames;
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), frames_shown), STDERR_FILENO);
}

// The first backtrace loads libgcc, which allocates: not to be done in a signal handler.
void warm_backtrace() noexcept {
    void* frame = nullptr;
    ::backtrace(&frame, 1);
}
#else
void print_backtrace() noexcept {}
void warm_backtrace() noexcept {}
#endif

// One thread reports. Another that overflows meanwhile must not cut it short by dying first.
void claim_report() noexcept {
    static std::atomic_flag claimed;
    if (!claimed.test_and_set(std::memory_order_relaxed)) return;
    for (;;) ::pause();
}

void print_report(overflow_description const& d) noexcept {
    raw_text text;
    text << "ramie: stack overflow in task " << d.id;
    if (d.name != nullptr && *d.name != '\0') text << " \"" << std::string_view(d.name).substr(0, 200) << "\"";
    if (d.file != nullptr) text << ", spawned at " << std::string_view(d.file).substr(0, 400) << ":" << d.line;
    text << ", stack size " << d.where->size() << " bytes\n"
         << "ramie: give the task a larger stack (task_options.stack_size), or large locals a place on the heap\n";
    if (d.where->guard == guard_kind::canary)
        text << "ramie: this stack had no guard (Linux before 6.13, and vm.max_map_count allows no more): memory below "
                "it may be spoiled\n";
    text.write_to_stderr();
    print_backtrace();
}

}  // namespace

// Without `info` there was no signal: abort. Its name is the first thing that a debugger or a core dump shows.
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

void on_fault(int signal, siginfo_t* info, void* context) noexcept {
    // si_code > 0: the kernel says that this thread touched si_addr; otherwise someone sent the signal.
    // Acquire: pairs with the release in install_overflow_report, for whatever the function reads.
    auto const describe_it = describe.load(std::memory_order_acquire);
    overflow_description d;
    if (info->si_code > 0 && describe_it != nullptr && describe_it(d) && d.where != nullptr &&
        d.where->guards(info->si_addr))
        ramie_fiber_stack_overflow(d, signal, info, context);
    previous_handler_of(signal).pass(info, context);
}

}  // namespace

void install_overflow_report(describe_fiber f) noexcept {
    warm_backtrace();
    // Release: pairs with the acquire in on_fault.
    describe.store(f, std::memory_order_release);
    static constinit std::mutex installing;
    std::lock_guard const lock(installing);
    for (int const signal : {SIGSEGV, SIGBUS}) previous_handler_of(signal).replace_by(on_fault);
}

void die_of_overflow(overflow_description const& d) noexcept {
    ramie_fiber_stack_overflow(d, 0, nullptr, nullptr);
}

}  // namespace ramie::detail
