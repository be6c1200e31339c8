#include <ramie/detail/sight/stack_copy.hpp>

#include <ramie/detail/ground/config.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

constexpr std::size_t word_bytes = sizeof(std::uintptr_t);

// Frames and what is loaded have red zones that may not be read, and words that other threads write: the sanitizers are not to look.
#if defined(__clang__)
#define RAMIE_UNWATCHED __attribute__((disable_sanitizer_instrumentation, no_sanitize("address"), noinline))
#else
#define RAMIE_UNWATCHED __attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))
#endif

RAMIE_UNWATCHED
void copy_words(std::uintptr_t* to, std::uintptr_t const volatile* from, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}

}  // namespace

RAMIE_UNWATCHED
void read_unwatched(void const* from, void* to, std::size_t bytes) noexcept {
    auto const* const there = static_cast<std::byte const volatile*>(from);
    for (std::size_t i = 0; i < bytes; ++i) static_cast<std::byte volatile*>(to)[i] = there[i];
}

bool read_if_mapped(void const* from, void* to, std::size_t bytes) noexcept {
    auto const error = errno;
    iovec const there{const_cast<void*>(from), bytes}, here{to, bytes};
    // Not by libc's name: libramie-hook or a sanitizer might answer.
    auto const done = ::syscall(SYS_process_vm_readv, ::getpid(), &here, 1L, &there, 1L, 0L);
    errno = error;
    return done >= 0 && static_cast<std::size_t>(done) == bytes;
}

void stack_copy::begin_at(std::uintptr_t begin, std::uintptr_t top) noexcept {
    begin_ = begin & ~(word_bytes - 1);
    top_ = std::max(top, begin_);
    count_ = std::min(top_ - begin_, most) / word_bytes;
    registers_ = {};
}

void stack_copy::copy() noexcept {
    copy_words(words_.get(), reinterpret_cast<std::uintptr_t const*>(begin_), count_);
}

void stack_copy::take_saved(void const* context, void const* top) noexcept {
    begin_at(reinterpret_cast<std::uintptr_t>(context), reinterpret_cast<std::uintptr_t>(top));
    copy();
    registers_ = registers_of(words_.get(), context);
}

void stack_copy::take_running(saved_registers const& now, void const* top, std::size_t below) noexcept {
    begin_at(now.sp - below, reinterpret_cast<std::uintptr_t>(top));
    copy();
    registers_ = now;
}

bool stack_copy::try_saved(void const* context, void const* top) noexcept {
    begin_at(reinterpret_cast<std::uintptr_t>(context), reinterpret_cast<std::uintptr_t>(top));
    if (count_ < 8 || !read_if_mapped(context, words_.get(), size())) return false;
    registers_ = registers_of(words_.get(), context);
    return true;
}

bool stack_copy::is_same(stack_copy const& other) const noexcept {
    return begin_ == other.begin_ && top_ == other.top_ && count_ == other.count_ &&
           std::memcmp(words_.get(), other.words_.get(), size()) == 0;
}

bool stack_copy::read_unaligned(std::uintptr_t address, std::uintptr_t& out) const noexcept {
    auto const at = address - begin_;
    if (address < begin_ || size() < word_bytes || at > size() - word_bytes) return false;
    std::memcpy(&out, reinterpret_cast<std::byte const*>(words_.get()) + at, word_bytes);
    return true;
}

}  // namespace ramie::detail
