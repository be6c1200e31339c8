#include "waiting.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <unwind.h>

namespace ramie::hook {

void let_first(detail::hook_calls const& calls, void const* address) noexcept {
    auto const& insisted = calls.lot->insisted[detail::lot_bucket(address)];
    constexpr int most_naps = 100;
    constexpr timespec nap{0, 50'000};
    for (int i = 0; i < most_naps && insisted.load(std::memory_order_relaxed) == address; ++i)
        (void)real().libc.nanosleep(&nap, nullptr);
}

namespace {

// The program's allocation functions, if they are not libc's and libstdc++'s. An allocator in a library of its own is
// known by that library's addresses; an allocator in the program itself must be found on the stack.
struct span {
    std::uintptr_t begin = 0, end = 0;
    bool has(void const* p) const noexcept {
        auto const at = reinterpret_cast<std::uintptr_t>(p);
        return begin <= at && at < end;
    }
};
struct allocators {
    static constexpr std::size_t most = 4;
    std::array<span, most> libraries{};
    std::array<span, most> mixed{};
    std::array<void const*, 24> entries{};
    std::size_t count = 0;

    allocators() noexcept {
        for (auto const* const name :
             {"malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign", "_Znwm", "_Znam", "_ZdlPv",
              "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZnwmSt11align_val_t", "_ZdlPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
              "_ZnwmRKSt9nothrow_t"}) {
            auto const* const at = ::dlsym(RTLD_DEFAULT, name);
            Dl_info where{};
            if (at == nullptr || ::dladdr(at, &where) == 0 || where.dli_fname == nullptr) continue;
            auto const* const slash = std::strrchr(where.dli_fname, '/');
            std::string_view const file = slash != nullptr ? slash + 1 : where.dli_fname;
            if (file.starts_with("libc.so") || file.starts_with("libstdc++") || file.starts_with("libc++")) continue;
            // A sanitizer's allocator takes no pthread mutexes, but it stands in front of other allocators that do.
            if (file.starts_with("libasan") || file.starts_with("libtsan") || file.starts_with("libclang_rt")) continue;
            entries[count++] = at;
            auto const whole = span_around(at);
            auto& list = whole.has(reinterpret_cast<void const*>(::getauxval(AT_PHDR))) ? mixed : libraries;
            if (std::ranges::none_of(list, [&](span const& each) { return each.has(at); })) {
                auto* const room = std::ranges::find(list, std::uintptr_t{0}, &span::end);
                if (room != list.end()) *room = whole;
            }
        }
    }
    static span span_around(void const* at) noexcept {
        struct search {
            std::uintptr_t at;
            span found;
        } s{reinterpret_cast<std::uintptr_t>(at), {}};
        ::dl_iterate_phdr(
            [](dl_phdr_info* info, std::size_t, void* argument) {
                auto& wanted = *static_cast<search*>(argument);
                span whole{~std::uintptr_t{0}, 0};
                for (int i = 0; i < info->dlpi_phnum; ++i) {
                    auto const& part = info->dlpi_phdr[i];
                    if (part.p_type != PT_LOAD) continue;
                    whole.begin = std::min(whole.begin, info->dlpi_addr + part.p_vaddr);
                    whole.end = std::max(whole.end, info->dlpi_addr + part.p_vaddr + part.p_memsz);
                }
                if (wanted.at < whole.begin || wanted.at >= whole.end) return 0;
                wanted.found = whole;
                return 1;
            },
            &s);
        return s.found;
    }
    bool is_entry(void const* function) const noexcept {
        for (std::size_t i = 0; i < count; ++i)
            if (entries[i] == function) return true;
        return false;
    }
};

struct walk {
    allocators const& all;
    int left = 32;
    bool found = false;
};

bool is_on_the_stack(allocators const& all) noexcept {
    walk w{all};
    ::_Unwind_Backtrace(
        [](_Unwind_Context* frame, void* argument) {
            auto& here = *static_cast<walk*>(argument);
            here.found = here.all.is_entry(reinterpret_cast<void const*>(::_Unwind_GetRegionStart(frame)));
            return here.found || --here.left == 0 ? _URC_END_OF_STACK : _URC_NO_REASON;
        },
        &w);
    return w.found;
}

allocators const& known() noexcept {
    static allocators const all;
    return all;
}
// At load, before a fiber needs it: dlsym() and the guard of a static take locks.
[[gnu::constructor(102)]] void look_for_allocators() noexcept { (void)known(); }

}  // namespace

bool is_in_allocator(void const* address) noexcept {
    return std::ranges::any_of(known().libraries, [&](span const& each) { return each.has(address); });
}

bool is_from_allocator(void const* return_address) noexcept {
    auto const& all = known();
    if (all.count == 0) return false;
    if (is_in_allocator(return_address)) return true;
    for (auto const& each : all.mixed)
        if (each.has(return_address)) return is_on_the_stack(all);
    return false;
}

}  // namespace ramie::hook
