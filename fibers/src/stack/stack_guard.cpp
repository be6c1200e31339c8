#include "stack/stack_guard.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include "ground/raw_text.hpp"
#include "stack/map_budget.hpp"
#include "stack/stack_class.hpp"

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <sys/mman.h>

namespace ramie::detail {

namespace {

// Linux's numbers; the C library's headers may be older than the kernel.
constexpr int madv_populate_read = 22;   // Linux 5.14
constexpr int madv_guard_install = 102;  // Linux 6.13

// Tests the effect: an emulated kernel may ignore advice that it does not know and report success. Reading through a
// real guard fails with EFAULT.
bool kernel_has_madvise_guards() noexcept {
    auto const page = page_bytes();
    void* const probe = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) return false;
    bool const works = ::madvise(probe, page, madv_guard_install) == 0 &&
                       ::madvise(probe, page, madv_populate_read) != 0 && errno == EFAULT;
    ::munmap(probe, page);
    return works;
}

guard_kind wanted_by_environment() noexcept {
    char const* const value = std::getenv("RAMIE_STACK_GUARD");
    if (value == nullptr) return guard_kind::madvise;
    std::string_view const name = value;
    if (name == "madvise") return guard_kind::madvise;
    if (name == "mprotect") return guard_kind::mprotect;
    if (name == "canary") return guard_kind::canary;
    raw_text text;
    text << "ramie: RAMIE_STACK_GUARD is \"" << value
         << "\"; accepted are madvise, mprotect and canary; going on with the best this system has\n";
    text.write_to_stderr();
    return guard_kind::madvise;
}

guard_kind first_choice() noexcept {
    static guard_kind const choice = [] {
        auto const wanted = wanted_by_environment();
        return wanted == guard_kind::madvise && !kernel_has_madvise_guards() ? guard_kind::mprotect : wanted;
    }();
    return choice;
}

map_budget& budget() noexcept {
    static map_budget left;
    return left;
}

// Plain counts, read by statistics only.
atomic<std::size_t>& counter(guard_kind kind) noexcept {
    static constinit std::array<atomic<std::size_t>, 4> counters{};
    return counters[static_cast<std::size_t>(kind)];
}

bool protect(stack const& s, std::size_t bytes) noexcept {
    if (!budget().take()) return false;
    if (::mprotect(s.floor, bytes, PROT_NONE) == 0) return true;
    budget().give_back();
    return false;
}

guard_kind install(stack const& s) noexcept {
    auto const bytes = static_cast<std::size_t>(s.bottom - s.floor);
    auto const choice = first_choice();
    // A failure for one slot (locked memory, say) need not repeat for the next.
    if (choice == guard_kind::madvise && ::madvise(s.floor, bytes, madv_guard_install) == 0) return guard_kind::madvise;
    if (choice != guard_kind::canary && protect(s, bytes)) return guard_kind::mprotect;
    return guard_kind::canary;
}

}  // namespace

void install_guard(stack& s) noexcept {
    s.set_guard(install(s));
    counter(s.guard).fetch_add(1, std::memory_order_relaxed);
}

void forget_guard(stack const& s) noexcept {
    counter(s.guard).fetch_sub(1, std::memory_order_relaxed);
    if (s.guard == guard_kind::mprotect) budget().give_back();
}

void count_guards(stack_metrics& m) noexcept {
    m.guarded_madvise += counter(guard_kind::madvise).load(std::memory_order_relaxed);
    m.guarded_mprotect += counter(guard_kind::mprotect).load(std::memory_order_relaxed);
    m.unguarded += counter(guard_kind::canary).load(std::memory_order_relaxed);
}

}  // namespace ramie::detail
