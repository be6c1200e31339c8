// The names that libramie-hook takes over, read from the library itself: so a test that checks each of them does not
// forget a new one.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

namespace ramie::testing {

namespace detail {

// How many symbols there are, which only the hash table knows.
inline std::size_t symbols_by(std::uint32_t const* hash) {
    auto const buckets = hash[0], first = hash[1], filter_words = hash[2];
    auto const* const heads = hash + 4 + filter_words * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
    auto const* const chains = heads + buckets;
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < buckets; ++i) last = std::max(last, heads[i]);
    if (last < first) return first;
    while ((chains[last - first] & 1) == 0) ++last;
    return last + 1;
}

}  // namespace detail

inline std::vector<std::string> exported_calls() {
    auto* const install = ::dlsym(RTLD_DEFAULT, "ramie_hook_install");
    Dl_info info{};
    void* extra = nullptr;
    REQUIRE(::dladdr1(install, &info, &extra, RTLD_DL_LINKMAP) != 0);
    std::uint32_t const* hash = nullptr;
    ElfW(Sym) const* symbols = nullptr;
    char const* strings = nullptr;
    for (auto const* each = static_cast<link_map const*>(extra)->l_ld; each->d_tag != DT_NULL; ++each) {
        auto const at = each->d_un.d_ptr;
        if (each->d_tag == DT_GNU_HASH) hash = reinterpret_cast<std::uint32_t const*>(at);
        if (each->d_tag == DT_SYMTAB) symbols = reinterpret_cast<ElfW(Sym) const*>(at);
        if (each->d_tag == DT_STRTAB) strings = reinterpret_cast<char const*>(at);
    }
    REQUIRE(hash != nullptr);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < detail::symbols_by(hash); ++i) {
        auto const& s = symbols[i];
        if (s.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s.st_info) == STT_FUNC) names.emplace_back(strings + s.st_name);
    }
    REQUIRE(names.size() > 40);
    return names;
}

}  // namespace ramie::testing
