#pragma once

namespace ramie::detail {

// For a task that is to have a thread state of its own. std::system_error (ENOTSUP): it cannot have one here, and why.
void require_own_thread_state();

}  // namespace ramie::detail
