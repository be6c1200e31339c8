#include "stack/stack_pages.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include "stack/stack_class.hpp"
#include "stack/stack_mapping.hpp"

#include <algorithm>

#if RAMIE_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(address, size) (static_cast<void>(address), static_cast<void>(size))
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace ramie::detail {

namespace {

atomic<std::size_t> trims{0};  // a plain count

// Reads a word of a stack from outside: sanitizers should neither order nor check this. Valgrind takes memory below a
// stack pointer as undefined.
__attribute__((no_sanitize("thread", "address"))) bool reads_zero(std::byte const* word) noexcept {
    static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(word, sizeof(std::uint64_t)));
    return *reinterpret_cast<std::uint64_t const volatile*>(word) == 0;
}

__attribute__((no_sanitize("thread", "address"))) void write_zero(std::byte* word) noexcept {
    static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(word, sizeof(std::uint64_t)));
    *reinterpret_cast<std::uint64_t volatile*>(word) = 0;
}

void return_pages(std::byte* from, std::byte* to) noexcept {
    if (from == to) return;
    return_memory(from, static_cast<std::size_t>(to - from));
    hold_undefined(from, static_cast<std::size_t>(to - from));
    trims.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void hold_undefined(std::byte* from, std::size_t bytes) noexcept {
    static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(from, bytes));
}

bool stack::canary_reads_zero() const noexcept { return reads_zero(bottom); }

bool used_deep(stack const& s) noexcept { return s.lowest_sp < hot_page_of(s) || !reads_zero(hot_page_of(s)); }

void return_deep_pages(stack& s) noexcept {
    if (!used_deep(s)) return;
    return_pages(s.bottom, hot_page_of(s));
    write_zero(hot_page_of(s));
    s.lowest_sp = s.top;
}

void return_all_pages(stack& s) noexcept {
    return_pages(s.bottom, end_of(s));
    s.lowest_sp = s.top;
}

std::size_t madvise_trims() noexcept { return trims.load(std::memory_order_relaxed); }

#if RAMIE_ASAN
void unpoison(stack const& s) noexcept {
    constexpr std::size_t at_least = 16 << 10;
    auto* const from = std::min(s.lowest_sp, end_of(s) - at_least);
    __asan_unpoison_memory_region(from, static_cast<std::size_t>(end_of(s) - from));
}
#endif

}  // namespace ramie::detail
