#pragma once

#include <ramie/detail/ground/api.hpp>

namespace ramie::detail {

// For a task that is to have a thread state of its own. std::system_error (ENOTSUP): it cannot have one here, and why.
RAMIE_API void require_own_thread_state();

}  // namespace ramie::detail
