#include <ramie/detail/overflow/stack_overflow.hpp>

#include "stack/stack_class.hpp"

#include <csignal>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

// For the unwinder and a chained crash reporter, besides the kernel's frame (11 KiB and more with AMX registers). Only
// touched pages cost memory.
constexpr std::size_t room = std::size_t{128} << 10;

std::size_t kernel_frame() noexcept {
#ifdef _SC_MINSIGSTKSZ
    if (auto const bytes = ::sysconf(_SC_MINSIGSTKSZ); bytes > 0) return static_cast<std::size_t>(bytes);
#endif
    return 0;
}

}  // namespace

signal_stack::signal_stack() noexcept {
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;

    auto const page = page_bytes();
    auto const size = page + (room + kernel_frame() + page - 1) / page * page;  // the first page is its guard
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (at == MAP_FAILED) return;
    ::mprotect(at, page, PROT_NONE);
    stack_t ours{};
    ours.ss_sp = static_cast<std::byte*>(at) + page;
    ours.ss_size = size - page;
    if (::sigaltstack(&ours, nullptr) != 0) {
        ::munmap(at, size);
        return;
    }
    mapping_ = at;
    size_ = size;
}

signal_stack::~signal_stack() {
    if (mapping_ == nullptr) return;
    stack_t present{};
    auto const* const ours = static_cast<std::byte*>(mapping_) + page_bytes();
    if (::sigaltstack(nullptr, &present) == 0 && present.ss_sp == ours) {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }
    ::munmap(mapping_, size_);
}

}  // namespace ramie::detail
