// Whether tasks may have a thread state of their own (task_options::own_thread_state).
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <string_view>

namespace ramie {

// What this machine, C library or build lacks for it, in a few words; empty: nothing, tasks may have it. The answer is
// the same as long as the process lives. From any thread; never a suspension point.
[[nodiscard]] RAMIE_API std::string_view missing_for_own_thread_state() noexcept;

}  // namespace ramie
