#include "stack/wide_slots.hpp"

#include "ground/raw_text.hpp"
#include "machine/system_file.hpp"
#include "stack/stack_class.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <sys/resource.h>

namespace ramie::detail {

namespace {

constexpr std::size_t usual = usual_or_in_model(std::size_t{4096}, std::size_t{2});
constexpr unsigned long smallest_address_space = 1ul << 30;
// Means all: the guards of so many would fill a 47-bit address space.
constexpr std::size_t all = std::size_t{1} << 27;

}  // namespace

unsigned long address_space_limit() noexcept {
    rlimit all{RLIM_INFINITY, RLIM_INFINITY}, data = all;
    ::getrlimit(RLIMIT_AS, &all);
    ::getrlimit(RLIMIT_DATA, &data);
    return std::min(all.rlim_cur, data.rlim_cur);
}

unsigned wide_slots::take(unsigned wanted, unsigned long limit) noexcept {
    auto const allowed = limit < smallest_address_space ? 0 : limit / 8 / (wide_guard + default_slot);
    auto const most = limit == RLIM_INFINITY ? most_ : std::min<std::size_t>(most_, allowed);
    auto const before = taken_.fetch_add(wanted, std::memory_order_relaxed);
    auto const got = static_cast<unsigned>(std::min<std::size_t>(wanted, most - std::min(most, before)));
    give_back(wanted - got);
    return got;
}

void wide_slots::give_back(unsigned n) noexcept { taken_.fetch_sub(n, std::memory_order_relaxed); }

wide_slots& wide_slots_here() noexcept {
    static wide_slots here([] {
        auto const wanted = wide_slots_wanted(std::getenv("RAMIE_WIDE_STACKS"));
        return number_in_file("/proc/sys/vm/overcommit_memory") == 2 ? 0 : wanted;
    }());
    return here;
}

std::size_t wide_slots_wanted(char const* text) noexcept {
    if (text == nullptr) return usual;
    std::string_view const value = text;
    if (value == "all") return all;
    std::size_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size() && number <= all) return number;
    raw_text message;
    message << "ramie: RAMIE_WIDE_STACKS is \"" << value.substr(0, 100) << "\"; accepted are \"all\" and 0 to " << all
            << "; going on with " << usual << "\n";
    message.write_to_stderr();
    return usual;
}

}  // namespace ramie::detail
