// How many seeds a test of the library's own behaviour tries: 1,000, and 100,000 in the long run (chance.hpp).
#pragma once

#include "chance.hpp"

#include <ramie/simulate.hpp>

#include <stdexcept>

namespace ramie::testing {

inline std::uint64_t many_seeds() {
    return scale() >= 10 ? 100'000 : rounds(1'000);
}

// In a simulation: what it throws fails the run.
inline void must(bool holds, char const* what) {
    if (!holds) throw std::logic_error(what);
}

}  // namespace ramie::testing
