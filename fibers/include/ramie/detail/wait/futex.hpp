// The kernel's wait on a word. The caller must handle spurious returns.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <cstdint>

namespace ramie::detail {

// Sleeps while `word` holds `expected`, until `until` at the latest. False if the time ran out.
RAMIE_API bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, time_point until = never) noexcept;
// Wakes one sleeper. Uses only the word's address, so the word may be gone already.
RAMIE_API void futex_wake(atomic<std::uint32_t>& word) noexcept;

}  // namespace ramie::detail
