#include "whose.hpp"

#include <ramie/detail/switch/thread_seam.hpp>

#include <cstdint>
#include <cstring>

#include <dlfcn.h>
#include <link.h>

namespace ramie::threads {

namespace {

struct range {
    std::uintptr_t begin = 0, end = 0;
    bool holds(void const* address) const noexcept {
        auto const at = reinterpret_cast<std::uintptr_t>(address);
        return begin <= at && at < end;
    }
};

// The loaded object that `inside` belongs to.
range object_of(void const* inside) noexcept {
    struct search {
        void const* inside;
        range found;
    } s{inside, {}};
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* to) {
            auto& wanted = *static_cast<search*>(to);
            range whole{~std::uintptr_t{0}, 0};
            for (int i = 0; i < object->dlpi_phnum; ++i) {
                auto const& part = object->dlpi_phdr[i];
                if (part.p_type != PT_LOAD) continue;
                auto const begin = object->dlpi_addr + part.p_vaddr;
                whole.begin = begin < whole.begin ? begin : whole.begin;
                whole.end = begin + part.p_memsz > whole.end ? begin + part.p_memsz : whole.end;
            }
            if (!whole.holds(wanted.inside)) return 0;
            wanted.found = whole;
            return 1;
        },
        &s);
    return s.found;
}

range object_with(char const* function) noexcept {
    auto const* const found = ::dlsym(RTLD_DEFAULT, function);
    return found != nullptr ? object_of(found) : range{};
}

struct objects {
    range libramie = object_of(reinterpret_cast<void const*>(&ramie_thread_seam));
    range libuv = object_with("uv_loop_init");
    range libstdcxx = object_with("__cxa_begin_catch");
};

}  // namespace

bool is_ramies_own(void const* caller, void const* function, void const* argument) noexcept {
    static objects const known;
    if (known.libramie.holds(caller) || known.libuv.holds(caller) || known.libramie.holds(function)) return true;
    // std::thread: the callable is an object whose first word leads to functions of the library that made it.
    if (!known.libstdcxx.holds(caller) || argument == nullptr) return false;
    void const* table = nullptr;
    std::memcpy(&table, argument, sizeof table);
    return known.libramie.holds(table);
}

}  // namespace ramie::threads
