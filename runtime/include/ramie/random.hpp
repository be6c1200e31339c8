// Random numbers for code that is also to run in a simulation (simulate.hpp): there they follow from the seed.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstdint>
#include <limits>

namespace ramie {

// A uniform random bit generator, as std::random_device is one: elsewhere each number is the system's (getrandom), good
// for keys. Objects have no state. (What std's distributions make of the numbers is the library's choice, and may
// differ on another system; below() does not.) From any thread; not a suspension point. Throws std::system_error if the
// system has none to give.
class random_source {
  public:
    using result_type = std::uint64_t;
    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
    RAMIE_API result_type operator()() const;
    // One of 0 to n - 1, all equally likely. 0: 0.
    [[nodiscard]] RAMIE_API std::uint64_t below(std::uint64_t n) const;
};

}  // namespace ramie
