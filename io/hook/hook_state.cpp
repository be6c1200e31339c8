#include "hook_state.hpp"

#include "lock_check.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>

namespace ramie::hook {

namespace {

constinit real_calls table{};
constinit std::atomic<bool> filled{false};
constinit std::atomic<detail::hook_calls const*> libramie{nullptr};
constinit bool switched_off = false;

bool is_libcs(void const* function) noexcept {
    Dl_info where{};
    return function != nullptr && ::dladdr(function, &where) != 0 && where.dli_fname != nullptr &&
           std::strstr(where.dli_fname, "libc.so") != nullptr;
}

template <class F>
void find(F& call, char const* name) noexcept {
    auto* found = ::dlsym(RTLD_NEXT, name);
    // On x86-64 there are two versions of the condition variables; before glibc 2.36, dlsym() finds those of 2002.
    bool const is_twice = std::strncmp(name, "pthread_cond_", 13) == 0 && std::strcmp(name, "pthread_cond_clockwait") != 0;
    if (is_twice && is_libcs(found)) {
        if (auto* const newer = ::dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2")) found = newer;
    }
    static_assert(sizeof call == sizeof found);
    std::memcpy(&call, &found, sizeof call);
}

// For a name that does not exist dlsym() allocates, and the allocator may lock: that call then uses what was found so
// far.
constinit thread_local bool fills = false;

// Several threads may fill the table at once: they write the same values.
void fill() noexcept {
    if (fills) return;
    fills = true;
#define RAMIE_CALL(name) find(table.name, #name);
    RAMIE_THREAD_CALLS(RAMIE_CALL)
#undef RAMIE_CALL
#define RAMIE_CALL(name) find(table.libc.name, #name);
    RAMIE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_MORE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_CALL(fcntl)
    RAMIE_CALL(openat)
#undef RAMIE_CALL
    find(table.accept, "accept");
    find(table.sigaction, "sigaction");
    find(table.sched_yield, "sched_yield");
    find(table.syscall, "syscall");
    find(table.guard_acquire, "__cxa_guard_acquire");
    find(table.guard_release, "__cxa_guard_release");
    find(table.guard_abort, "__cxa_guard_abort");
    Dl_info where{};
    auto* const guard = reinterpret_cast<void*>(table.guard_acquire);
    table.guards_are_known = guard != nullptr && ::dladdr(guard, &where) != 0 && where.dli_fname != nullptr &&
                             std::strstr(where.dli_fname, "libstdc++") != nullptr;
    fills = false;
    filled.store(true, std::memory_order_release);  // pairs with the acquire in real()
}

// Runs before most other code of the process; earlier callers still find libc's functions through real().
[[gnu::constructor(101)]] void begin() noexcept {
    if (!filled.load(std::memory_order_acquire)) fill();
    auto const* const hook = std::getenv("RAMIE_HOOK");
    switched_off = hook != nullptr && std::strcmp(hook, "off") == 0;
    auto const* const check = std::getenv("RAMIE_HOOK_CHECK");
    checks_locks = !switched_off && check != nullptr && std::strcmp(check, "mutex") == 0;
    if (hook != nullptr && !switched_off && std::strcmp(hook, "on") != 0)
        std::fprintf(stderr, "ramie-hook: RAMIE_HOOK=%s is neither on nor off, and taken for on\n", hook);
    if (check != nullptr && std::strcmp(check, "mutex") != 0)
        std::fprintf(stderr, "ramie-hook: RAMIE_HOOK_CHECK=%s is not known; the only check is mutex\n", check);
}

}  // namespace

real_calls const& real() noexcept {
    if (!filled.load(std::memory_order_acquire)) [[unlikely]]
        fill();
    return table;
}

constinit thread_local thread_notes this_thread{};

bool forget_left_handler(detail::hook_calls const& calls, void const* frame) noexcept {
    if (calls.who() != this_thread.handler_fiber) return true;
    if (frame < this_thread.handler_frame) return false;
    this_thread.handler_frame = nullptr;
    return true;
}

handler_note::handler_note(void const* frame) noexcept
    : outer_frame_(this_thread.handler_frame), outer_fiber_(this_thread.handler_fiber) {
    auto const* const calls = introduced();
    this_thread.handler_fiber = calls != nullptr ? calls->who() : nullptr;
    this_thread.handler_frame = frame;
}

handler_note::~handler_note() {
    this_thread.handler_frame = outer_frame_;
    this_thread.handler_fiber = outer_fiber_;
}

// acquire pairs with the release in ramie_hook_install().
detail::hook_calls const* installed() noexcept {
    return libramie.load(std::memory_order_acquire);
}

}  // namespace ramie::hook

RAMIE_EXPORTED ramie::detail::hook_answer const* ramie_hook_install(ramie::detail::hook_calls const* calls) noexcept {
    using namespace ramie::hook;
    static ramie::detail::hook_answer answer{};
    if (calls->version != ramie::detail::hook_calls::current_version) {
        std::fprintf(
            stderr,
            "ramie-hook: this libramie speaks version %u of the hook's language, not %u; the hook does nothing\n",
            calls->version, ramie::detail::hook_calls::current_version);
        return nullptr;
    }
    if (switched_off) return nullptr;
    answer = {&real().libc, checks_locks ? report_locks : nullptr};
    bool const is_first = libramie.exchange(calls, std::memory_order_release) == nullptr;
    if (is_first) take_over_handlers();
    return &answer;
}
