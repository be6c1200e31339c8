// How a function is interposed: declared as libc declares it; libc's is called unless a fiber calls. `specifier`: the
// exception specification of libc's declaration.
#pragma once

#include "hook_state.hpp"

#include <cstdio>
#include <cstdlib>

#define RAMIE_HOOKED_AS(result, name, parameters, arguments, specifier)                                                \
    RAMIE_EXPORTED result name parameters specifier {                                                                  \
        if (auto const* const fiber = ::ramie::hook::for_fiber()) return fiber->name arguments;                        \
        return ::ramie::hook::real().libc.name arguments;                                                              \
    }
#define RAMIE_HOOKED_CALL(result, name, parameters, arguments) RAMIE_HOOKED_AS(result, name, parameters, arguments, )
#define RAMIE_HOOKED_NOEXCEPT(result, name, parameters, arguments)                                                     \
    RAMIE_HOOKED_AS(result, name, parameters, arguments, noexcept)

namespace ramie::hook {

// The check that fortified forms promise.
inline void must_fit(size_t size, size_t room) noexcept {
    if (size <= room) return;
    std::fputs("*** buffer overflow detected ***: terminated\n", stderr);
    std::abort();
}

}  // namespace ramie::hook
