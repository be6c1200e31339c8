// Whether this program is built with a sanitizer that needs more of stacks, address space and time.
#pragma once

#include <ramie/detail/ground/config.hpp>

namespace ramie::testing {

#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace ramie::testing
